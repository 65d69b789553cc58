export {
  type ApiTokenView,
  type AuthenticatedToken,
  authenticateToken,
  createToken,
  listTokens,
  revokeToken,
  TOKEN_PREFIX,
} from "./tokens";
