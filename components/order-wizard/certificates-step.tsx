"use client";

import { X } from "lucide-react";
import { useTranslations } from "next-intl";
import { useState } from "react";
import { type Chosen, propose } from "@/components/certificates/chosen";
import { Expiry } from "@/components/certificates/expiry";
import { PreviewCards } from "@/components/certificates/preview-cards";
import { oneLine } from "@/components/certificates/subject";
import { CertificateUploadField, type PreviewedCertificate } from "@/components/certificates/upload-field";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { useFocusFirst } from "@/components/ui/use-focus-first";
import type { DraftCertificate } from "./draft";
import { StepActions } from "./layout";
import type { StepProps } from "./step-props";
import { isComplete } from "./steps";

/** Client certificates to pin with the order; they may also be added later. */
export function CertificatesStep({ wizard, onNext, onBack }: Readonly<StepProps>) {
  const t = useTranslations("wizard.certificates");
  const tUpload = useTranslations("certificates.upload");
  const tCommon = useTranslations("common");
  const { state, dispatch } = wizard;
  const { certificates } = state.draft;
  const [chosen, setChosen] = useState<Chosen<PreviewedCertificate>[] | null>(null);
  const [tried, setTried] = useState(false);
  const included = chosen?.filter((entry) => entry.included) ?? [];
  const previewed = chosen !== null && chosen.length > 0;
  const upload = useFocusFirst<HTMLDivElement>(previewed ? "preview" : "upload");

  /** Takes what is previewed; false when a name is missing. */
  const add = (): boolean => {
    setTried(true);
    if (included.some((entry) => entry.name.trim() === "")) {
      return false;
    }

    const added = included.map(({ certificate, name }) => ({
      name: name.trim(),
      pem: certificate.pem,
      sha256: certificate.sha256,
      subject: certificate.subject,
      notAfter: certificate.notAfter,
    }));
    dispatch({
      type: "certificates",
      // The same certificate twice would be refused: the later name holds.
      certificates: [
        ...certificates.filter((old) => !added.some((entry) => entry.sha256 === old.sha256)),
        ...added,
      ],
    });
    setChosen(null);
    setTried(false);

    return true;
  };

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        // What is on the screen belongs to the order: nobody should lose it by going on.
        if (add() && isComplete("certificates", state)) {
          onNext();
        }
      }}
      className="flex flex-col gap-4"
      noValidate
    >
      <Panel title={t("title")} description={t("optional")}>
        <div className="flex flex-col gap-4">
          <div>
            <p role="status" className="font-medium">
              {t("added", { count: certificates.length })}
            </p>
            <Added
              certificates={certificates}
              onChange={(left) => dispatch({ type: "certificates", certificates: left })}
            />
          </div>
          <div ref={upload} className="flex flex-col gap-4">
            {previewed ? (
              <>
                <PreviewCards chosen={chosen} onChange={setChosen} nameErrors={tried} />
                <div className="flex justify-end gap-2">
                  <Button onClick={() => setChosen(null)}>{tUpload("another")}</Button>
                  <Button disabled={included.length === 0} onClick={() => add()}>
                    {t("addThis", { count: Math.max(1, included.length) })}
                  </Button>
                </div>
              </>
            ) : (
              <CertificateUploadField onPreview={(found) => setChosen(propose(found))} />
            )}
          </div>
        </div>
      </Panel>
      <StepActions back={<Button onClick={onBack}>{tCommon("back")}</Button>}>
        <Button type="submit" variant="primary">
          {tCommon("continue")}
        </Button>
      </StepActions>
    </form>
  );
}

/** What is to be pinned, each with the way to leave it out. */
function Added({
  certificates,
  onChange,
}: Readonly<{
  certificates: readonly DraftCertificate[];
  onChange: (certificates: DraftCertificate[]) => void;
}>) {
  const t = useTranslations("wizard.certificates");

  return certificates.length === 0 ? null : (
    <ul className="mt-2 divide-y divide-line rounded-control border border-line">
      {certificates.map((certificate) => (
        <li key={certificate.sha256} className="flex items-center gap-3 px-3 py-2">
          <span className="min-w-0 flex-1">
            <span className="block truncate font-medium">{certificate.name}</span>
            <span className="block truncate text-label text-muted">
              {oneLine(certificate.subject)} ·{" "}
              <span className="font-mono">{certificate.sha256.slice(0, 16)}…</span>
            </span>
          </span>
          <span className="text-label max-sm:hidden">
            <Expiry notAfter={certificate.notAfter} withDate={false} />
          </span>
          <Button
            variant="ghost"
            size="icon-small"
            aria-label={t("remove", { name: certificate.name })}
            onClick={() => onChange(certificates.filter((entry) => entry.sha256 !== certificate.sha256))}
          >
            <X aria-hidden="true" />
          </Button>
        </li>
      ))}
    </ul>
  );
}
