import { serve } from "@/lib/api/contract/serve";

export const { GET, POST, PUT, PATCH, DELETE } = serve("/invitations");
