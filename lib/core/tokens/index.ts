export {
  type ApiTokenView,
  type AuthenticatedToken,
  authenticateToken,
  createToken,
  listTokens,
  revokeToken,
} from "./tokens";
