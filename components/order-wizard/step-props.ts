import type { Mode, Step } from "./steps";
import type { Wizard } from "./use-wizard";

/** What every step of the wizard is given. */
export type StepProps = {
  mode: Mode;
  wizard: Wizard;
  /** Region of the instance that is activated. */
  instanceRegion: string | undefined;
  onNext: () => void;
  onBack: () => void;
  onStep: (step: Step) => void;
  /** Code of the error with which the order was refused. */
  error: string | null;
};
