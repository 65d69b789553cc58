/** True when the error is PostgreSQL's own refusal of the statement, which therefore changed nothing. */
export function isRefusal(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  const severity = (error as { severity?: unknown }).severity;

  // 08xxx, 57Pxx and 40003 say that the end of the statement is not known.
  return (
    typeof code === "string" &&
    typeof severity === "string" &&
    severity === "ERROR" &&
    code !== "40003" &&
    !code.startsWith("08") &&
    !code.startsWith("57P")
  );
}
