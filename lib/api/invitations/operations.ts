import { z } from "zod";
import { operationsOf } from "../contract/operation";
import {
  acceptInvitationRequest,
  acceptInvitationResponse,
  createInvitationRequest,
  createInvitationResponse,
} from "./schemas";

const operation = operationsOf({ resource: "invitations", tag: "Account" }, { token: z.string().max(200) });

export const createInvitation = operation({
  id: "createInvitation",
  summary: "Invite a person by a link, which is in this answer and never again",
  method: "POST",
  path: "/invitations",
  role: "administrator",
  audit: "vmware-solutions.invitation.create",
  body: createInvitationRequest,
  secretResponse: ["link", "token"],
  status: 201,
  response: createInvitationResponse,
});

export const acceptInvitation = operation({
  id: "acceptInvitation",
  summary: "Accept an invitation: signed in, or as somebody new with name and password",
  method: "POST",
  path: "/invitations/{token}/accept",
  role: "viewer",
  open: true,
  audit: "vmware-solutions.invitation.accept",
  body: acceptInvitationRequest,
  response: acceptInvitationResponse,
});
