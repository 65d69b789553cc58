/** In which zone times are shown and typed: the reader's or UTC. */
export type Zone = "local" | "utc";

const MINUTE = 60_000;

/** Text of a datetime-local field as a moment: in the reader's zone or in UTC. Null for text that is no time. */
export function momentOfField(text: string, zone: Zone): string | null {
  if (text === "") {
    return null;
  }
  const time = new Date(zone === "utc" ? `${text}Z` : text);

  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

/** A moment as text of a datetime-local field (minutes). */
export function fieldOfMoment(moment: string | undefined, zone: Zone): string {
  if (moment === undefined) {
    return "";
  }
  const time = new Date(moment);
  const shifted = zone === "utc" ? time : new Date(time.getTime() - time.getTimezoneOffset() * MINUTE);

  return shifted.toISOString().slice(0, 16);
}
