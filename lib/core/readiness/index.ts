export { connectionWaits, type DeploymentFigures, deploymentFigures } from "./figures";
export { readiness } from "./readiness";
