/** What the sources import of each other, read from their text: for the rules of the house. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** The source files below a folder of the repository, without tests and what is generated. */
export function sources(folder: string): string[] {
  return readdirSync(join(root, folder)).flatMap((name) => {
    const path = `${folder}/${name}`;

    if (statSync(join(root, path)).isDirectory()) {
      return name === "generated" ? [] : sources(path);
    }

    return /\.(tsx?|mjs)$/.test(name) && !/\.test\.tsx?$/.test(name) ? [path] : [];
  });
}

export function readSource(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** The specifiers of all imports and re-exports in a text, those of types too. */
export function importsOf(text: string): string[] {
  const statements =
    /^\s*(?:import|export)\s(?:[^"';]*?\sfrom\s)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm;

  return [...text.matchAll(statements)].map((match) => match[1] ?? match[2] ?? "");
}

/** Where in the repository an import of a file leads, as it is written (mostly without an ending); null for a package. */
export function localImport(path: string, specifier: string): string | null {
  if (specifier.startsWith("@/")) {
    return specifier.slice(2);
  }

  return specifier.startsWith(".") ? relative(root, join(root, dirname(path), specifier)) : null;
}

/** Which files each file imports. */
export type ImportGraph = ReadonlyMap<string, ReadonlySet<string>>;

export function importGraph(files: readonly string[]): ImportGraph {
  const known = new Set(files);
  const endings = ["", ".ts", ".tsx", ".mjs", "/index.ts", "/index.tsx"];

  return new Map(
    files.map((path) => {
      const imported = importsOf(readSource(path)).flatMap((specifier) => {
        const local = localImport(path, specifier);
        const ending = endings.find((candidate) => known.has(`${local}${candidate}`));

        return local === null || ending === undefined ? [] : [`${local}${ending}`];
      });

      return [path, new Set(imported)];
    }),
  );
}

/** Groups of files that import each other in a circle (strongly connected components, Tarjan 1972), each sorted. */
export function circlesIn(graph: ImportGraph): string[][] {
  const order = new Map<string, number>();
  const path: string[] = [];
  const onPath = new Set<string>();
  const circles: string[][] = [];

  function visit(file: string): number {
    const own = order.size;
    let low = own;

    order.set(file, own);
    path.push(file);
    onPath.add(file);

    for (const imported of graph.get(file) ?? []) {
      if (!order.has(imported)) {
        low = Math.min(low, visit(imported));
      } else if (onPath.has(imported)) {
        low = Math.min(low, order.get(imported) ?? low);
      }
    }

    if (low === own) {
      const circle = path.splice(path.indexOf(file));

      for (const member of circle) {
        onPath.delete(member);
      }

      if (circle.length > 1 || graph.get(file)?.has(file)) {
        circles.push(circle.sort());
      }
    }

    return low;
  }

  for (const file of graph.keys()) {
    if (!order.has(file)) {
      visit(file);
    }
  }

  return circles;
}
