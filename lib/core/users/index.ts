export { hashPassword, verifyPassword } from "./password";
export { requireGoodPassword } from "./password-policy";
export {
  chooseAccount,
  endOtherSessions,
  endSession,
  findSession,
  forgetEndedSessions,
  listAccounts,
  listSessions,
  openSession,
  SESSION_SECONDS,
  type Session,
  type SignInMethod,
} from "./sessions";
export {
  authenticateUser,
  changePassword,
  ensureFirstAdministrator,
  findPerson,
  firstAccount,
  invitingStranger,
  normalEmail,
  noteSignIn,
  type Person,
} from "./users";
