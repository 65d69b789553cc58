export {
  authenticateToken,
  createToken,
  listTokens,
  revokeToken,
} from "./tokens";
