import { getTranslations } from "next-intl/server";
import { Skeleton, SkeletonRows } from "./skeleton";

/** A page on its way: the shape of a head and a list. */
export async function PageSkeleton({ head = true }: Readonly<{ head?: boolean }>) {
  const t = await getTranslations("common");

  return (
    <div role="status" aria-label={t("loading")}>
      {head ? <Skeleton className="mb-6 h-7 w-56" /> : null}
      <div className="rounded-panel border border-line bg-panel">
        <SkeletonRows rows={10} />
      </div>
    </div>
  );
}
