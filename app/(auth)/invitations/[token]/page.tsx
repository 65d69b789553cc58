import type { Metadata } from "next";
import { headers } from "next/headers";
import Link from "next/link";
import { redirect } from "next/navigation";
import { getTranslations } from "next-intl/server";
import { AcceptAsNewPerson, AcceptAsYourself, SignedInAsAnother } from "@/components/auth/accept-invitation";
import { AuthFrame } from "@/components/auth/frame";
import { Button } from "@/components/ui/button";
import { requestFacts } from "@/lib/auth";
import { getPersonSession } from "@/lib/auth/page-actor";
import { countOpenCall } from "@/lib/auth/rate-limits";
import { AppError } from "@/lib/core/errors";
import { findInvitation } from "@/lib/core/members";

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations("auth.invitation"))("pageTitle") };
}

/** False when this address has opened too many links. */
async function mayLook(): Promise<boolean> {
  try {
    await countOpenCall(requestFacts(new Headers(await headers())).remoteAddress);

    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === "RATE_LIMITED") {
      return false;
    }

    throw error;
  }
}

type Props = { params: Promise<{ token: string }> };

export default async function InvitationPage({ params }: Props) {
  const [t, tRole, { token }, session, allowed] = await Promise.all([
    getTranslations("auth.invitation"),
    getTranslations("common.role"),
    params,
    getPersonSession(),
    mayLook(),
  ]);
  const invitation = allowed ? await findInvitation(token) : null;
  const path = `/invitations/${encodeURIComponent(token)}`;

  if (invitation === null) {
    return (
      <AuthFrame title={t("goneTitle")} lead={t(allowed ? "goneBody" : "limited")}>
        <Button asChild size="large" className="w-full">
          <Link href="/sign-in">{t("signIn")}</Link>
        </Button>
      </AuthFrame>
    );
  }

  const { email, name, role, accountName } = invitation;

  if (session?.passwordGiven) {
    redirect(`/change-password?callbackUrl=${encodeURIComponent(path)}`);
  }

  return (
    <AuthFrame title={t("title", { account: accountName })} lead={t("lead", { email, role: tRole(role) })}>
      {session === null ? (
        <AcceptAsNewPerson token={token} email={email} name={name ?? ""} />
      ) : session.person.email === email ? (
        <AcceptAsYourself token={token} name={session.person.name} />
      ) : (
        <SignedInAsAnother path={path} email={session.person.email} />
      )}
    </AuthFrame>
  );
}
