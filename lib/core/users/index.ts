export { hashPassword, verifyPassword } from "./password";
export {
  authenticateUser,
  ensureFirstAdministrator,
  findUser,
  findUserByEmail,
  firstAccount,
  normalEmail,
  noteSignIn,
  type SignedInUser,
} from "./users";
