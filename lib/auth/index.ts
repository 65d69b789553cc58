export { type Authenticated, authenticate, requireOwnOrigin } from "./get-actor";
export { authOptions, singleSignOn } from "./options";
export { type RequestFacts, requestFacts } from "./request-facts";
