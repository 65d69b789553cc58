import type { NextRequest } from "next/server";
import NextAuth from "next-auth";
import { authOptions, requestFacts } from "@/lib/auth";
import { provideNextAuthUrl } from "@/lib/env";

/** Sign-in and sign-out of people; everything else that needs to know who asks reads the session itself. */
async function handler(
  request: NextRequest,
  context: { params: Promise<{ nextauth: string[] }> },
): Promise<Response> {
  provideNextAuthUrl();

  return NextAuth(request, context, authOptions(requestFacts(request.headers)));
}

export { handler as GET, handler as POST };
