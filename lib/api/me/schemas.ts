import { z } from "zod";
import { id, role } from "../contract/common";

export const me = z
  .object({
    kind: z.enum(["user", "token"]),
    id: z.string(),
    name: z.string(),
    email: z.string().nullable(),
    account: z.object({ id, name: z.string() }),
    role,
  })
  .meta({ id: "Me" });

export type Me = z.output<typeof me>;
