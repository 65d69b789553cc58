"use client";

import { PageError } from "@/components/errors/page-error";

type Props = { error: Error & { digest?: string }; reset: () => void };

export default function ErrorPage({ error, reset }: Props) {
  return <PageError digest={error.digest} onRetry={reset} />;
}
