// Times and sizes as people write them.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** @param {number} at milliseconds @returns {string} */
export const time = (at) => clock.format(at);

/** @param {number} at milliseconds @returns {string} */
export const moment = (at) => full.format(at);

/** @param {number} bytes @returns {string} */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** @param {number} count @param {string} one @param {string} [more] @returns {string} */
export const plural = (count, one, more = `${one}s`) => `${count} ${count === 1 ? one : more}`;

const days = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const date = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

/** Today, tomorrow or yesterday in words, else the date. @param {number} at milliseconds @returns {string} */
export function day(at) {
  const away = Math.round((new Date(at).setHours(12, 0, 0, 0) - new Date().setHours(12, 0, 0, 0)) / 86_400_000);
  return Math.abs(away) <= 1 ? days.format(away, "day") : date.format(at);
}

/** How far away that is now. @param {number} at milliseconds @returns {string} */
export function ago(at) {
  const minutes = Math.round((at - Date.now()) / 60_000);
  if (Math.abs(minutes) < 90) return days.format(minutes, "minute");
  const hours = Math.round(minutes / 60);
  return Math.abs(hours) < 36 ? days.format(hours, "hour") : days.format(Math.round(hours / 24), "day");
}
