export { createMember, listMembers, type MemberView, removeMember, updateMember } from "./members";
