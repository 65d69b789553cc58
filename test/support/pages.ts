import { sources } from "./imports";

const CONSOLE = "app/(console)";

/** The paths of the console's pages, as Next makes them of its folders: `/instances/[id]/keks`. */
export function consolePages(): string[] {
  return sources(CONSOLE)
    .filter((file) => file.endsWith("/page.tsx"))
    .map((file) => file.slice(CONSOLE.length, -"/page.tsx".length))
    .map((path) => path.replaceAll(/\/\([\w-]+\)/g, "") || "/")
    .sort();
}
