export { createMember, listMembers, removeMember, updateMember } from "./members";
