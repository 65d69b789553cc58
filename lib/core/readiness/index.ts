export { type DeploymentFigures, deploymentFigures } from "./figures";
export { readinessProblems } from "./readiness";
