import { pageQuery } from "../contract/common";
import { operationsOf } from "../contract/operation";
import {
  createMemberRequest,
  createMemberResponse,
  member,
  memberPage,
  updateMemberRequest,
} from "./schemas";

const operation = operationsOf({ resource: "members", tag: "Account" });

export const listMembers = operation({
  id: "listMembers",
  summary: "People of the account and their roles, and those who are invited to it",
  method: "GET",
  path: "/members",
  role: "administrator",
  query: pageQuery,
  response: memberPage,
});

export const createMember = operation({
  id: "createMember",
  summary: "Add a person to the account: an invitation, which a first sign-in accepts too",
  method: "POST",
  path: "/members",
  role: "administrator",
  audit: "vmware-solutions.member.create",
  body: createMemberRequest,
  secretResponse: ["invitationLink"],
  status: 201,
  response: createMemberResponse,
});

export const updateMember = operation({
  id: "updateMember",
  summary: "Change a person's role",
  method: "PATCH",
  path: "/members/{userId}",
  role: "administrator",
  audit: "vmware-solutions.member.update",
  body: updateMemberRequest,
  response: member,
});

export const deleteMember = operation({
  id: "deleteMember",
  summary: "Remove a person from the account, or take an invitation back; their access ends",
  method: "DELETE",
  path: "/members/{userId}",
  role: "administrator",
  audit: "vmware-solutions.member.delete",
});
