export {
  acceptAsNewPerson,
  acceptBySignIn,
  acceptInvitation,
  createInvitation,
  findInvitation,
  forgetInvitations,
} from "./invitations";
export { createMember, listMembers, removeMember, updateMember } from "./members";
