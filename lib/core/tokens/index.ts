export {
  type ApiTokenView,
  authenticateToken,
  createToken,
  listTokens,
  revokeToken,
} from "./tokens";
