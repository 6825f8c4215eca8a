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
