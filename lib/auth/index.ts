export { type Authenticated, authenticate, isStillAllowed, requireOwnOrigin } from "./get-actor";
export { authOptions, singleSignOn } from "./options";
export { type RequestFacts, requestFacts } from "./request-facts";
