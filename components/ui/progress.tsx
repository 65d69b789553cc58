/** How far something is, for eyes and for screen readers. The numbers must stand beside it in words. */
export function Progress({
  label,
  value,
  max,
  tone = "accent",
}: Readonly<{ label: string; value: number; max: number; tone?: "accent" | "warn" }>) {
  const share = max === 0 ? 100 : (100 * value) / max;

  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={max}
      aria-valuenow={value}
      className="h-1.5 overflow-hidden rounded-full bg-idle-soft"
    >
      <div
        className={`h-full rounded-full transition-[width] duration-500 ${tone === "warn" ? "bg-warn" : "bg-accent"}`}
        style={{ width: `${share}%` }}
      />
    </div>
  );
}
