import type { Kek } from "@/lib/api/keks/schemas";

export type KekLabel = { main: string | null; rest: string | null };

/**
 * What to call a KEK in a row. vCenter names none but tags them with `x-Product` and `x-Product_Version`;
 * an administrator may have set attributes of their own (`x-…`, vSphere 8.0.1), which say more and go first.
 */
export function labelOf(kek: Pick<Kek, "name" | "attributes">): KekLabel {
  const values = (name: string) => kek.attributes[name]?.filter(Boolean) ?? [];
  const product = values("x-Product")[0]?.replace(/^VMware /, "");
  const version = values("x-Product_Version")[0]?.replace(/ build-.*$/, "");
  const maker = [product, version].filter(Boolean).join(" ");
  const own = Object.entries(kek.attributes)
    .filter(([name]) => !/^x-(Product|Product_Version|Vendor)$/.test(name))
    .map(([name, list]) => `${name.replace(/^[xy]-/, "")}: ${list.join(", ")}`);
  const rest = [...own, ...(maker ? [maker] : [])].join(" · ");

  return { main: kek.name, rest: rest === "" ? null : rest };
}
