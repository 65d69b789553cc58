/** next-auth without a browser: its route called as a function, and a jar for its cookies. */
import type { NextApiRequest, NextApiResponse } from "next";
import NextAuth from "next-auth";
import { requestFacts } from "@/lib/auth";
import { authOptions } from "@/lib/auth/options";
import { env, provideNextAuthUrl } from "@/lib/env";

/** A browser's cookies. */
export class Jar {
  readonly cookies = new Map<string, string>();
  readonly set: string[] = [];

  take(lines: readonly string[]): void {
    for (const line of lines) {
      this.set.push(line);
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/max-age=0|expires=thu, 01 jan 1970/i.test(line) || value === "") {
        this.cookies.delete(name);
      } else {
        this.cookies.set(name, decodeURIComponent(value));
      }
    }
  }

  header(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }
}

type AuthCall = {
  method?: string;
  query?: Record<string, string>;
  body?: Record<string, string>;
  address?: string;
};

/** Calls next-auth as its route does, with a plain request and answer. */
export async function auth(jar: Jar, action: string, call: AuthCall = {}) {
  provideNextAuthUrl();
  const headers: Record<string, string> = {
    cookie: jar.header(),
    "x-forwarded-for": call.address ?? "192.0.2.1",
  };
  const request = {
    method: call.method ?? "GET",
    headers,
    cookies: Object.fromEntries(jar.cookies),
    query: { nextauth: action.split("/"), ...call.query },
    body: call.body ?? {},
  };
  const answer = { status: 200, location: "", body: undefined as unknown, cookies: [] as string[] };
  const response = {
    status(code: number) {
      answer.status = code;

      return response;
    },
    setHeader(name: string, value: string | string[]) {
      if (name.toLowerCase() === "location") {
        answer.location = String(value);
      }
      if (name.toLowerCase() === "set-cookie") {
        answer.cookies = [value].flat();
      }

      return response;
    },
    getHeader: (name: string) => (name.toLowerCase() === "set-cookie" ? answer.cookies : undefined),
    json: (body: unknown) => {
      answer.body = body;
    },
    send: (body: unknown) => {
      answer.body = body;
    },
    end: () => {},
  };
  await NextAuth(
    request as unknown as NextApiRequest,
    response as unknown as NextApiResponse,
    authOptions(requestFacts(new Headers(headers))),
  );
  jar.take(answer.cookies);

  return answer;
}

/** The token that next-auth wants with every form. */
export async function csrf(jar: Jar): Promise<string> {
  return ((await auth(jar, "csrf")).body as { csrfToken: string }).csrfToken;
}

/** Signs somebody in as the console's form does. */
export async function signIn(jar: Jar, email: string, password: string, address?: string) {
  const csrfToken = await csrf(jar);

  return auth(jar, "callback/credentials", {
    method: "POST",
    body: { email, password, csrfToken, callbackUrl: `${env().publicUrl}/instances` },
    ...(address === undefined ? {} : { address }),
  });
}
