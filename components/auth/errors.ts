/** What can go wrong at signing in, as the messages name it. */
const SIGN_IN_ERRORS = [
  "credentials",
  "limited",
  "disabled",
  "oidc",
  "notMember",
  "session",
  "noAccount",
  "unreachable",
  "other",
] as const;
export type SignInError = (typeof SIGN_IN_ERRORS)[number];

/** The code that next-auth or our own callbacks put into `?error=`, as one of the console's messages. */
export function signInErrorOf(code: string): SignInError {
  switch (code) {
    case "CredentialsSignin":
      return "credentials";
    case "RateLimited":
      return "limited";
    case "AccessDenied":
      return "notMember";
    case "SessionRequired":
      return "session";
    case "OAuthSignin":
    case "OAuthCallback":
    case "OAuthCreateAccount":
    case "OAuthAccountNotLinked":
    case "Callback":
      return "oidc";
    default:
      return "other";
  }
}

/** A path of this console to go to after signing in; anything else (another site) becomes the overview. */
export function safeCallback(url: string | undefined): string {
  if (url === undefined || !url.startsWith("/") || /^\/[/\\]/.test(url) || /[\p{Cc}\\]/u.test(url)) {
    return "/";
  }

  return url.startsWith("/sign-in") ? "/" : url;
}
