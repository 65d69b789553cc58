export { isMadeByAdministrator, makerOf } from "./maker";
export {
  authenticateToken,
  createToken,
  listTokens,
  revokeToken,
} from "./tokens";
