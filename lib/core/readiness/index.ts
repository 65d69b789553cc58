export { type DeploymentFigures, deploymentFigures } from "./figures";
export { type ReadinessProblem, readinessProblems } from "./readiness";
