// What survives a reload: the visitor's token and the messages that are not acknowledged yet (W5).
// One key a message, so that several tabs may add and remove without overwriting each other.

/** @typedef {{id: string, text: string, files: {file: string, name: string, type: string, size: number, url: string}[],
 *   at: number, failed?: string}} Queued */

export class Memory {
  /** @param {string} channel */
  constructor(channel) {
    this.prefix = `onevoice:${channel}:`;
    this.store = usable() ? localStorage : new Fleeting();
    this.count = 0;
  }

  /** @param {string} name @returns {string} */
  get(name) {
    return this.store.getItem(this.prefix + name) ?? "";
  }

  /** @param {string} name @param {string} value */
  set(name, value) {
    try {
      if (value) this.store.setItem(this.prefix + name, value);
      else this.store.removeItem(this.prefix + name);
    } catch {
      // The quota is used up: what is on the screen stays there, only a reload would lose it.
    }
  }

  /** The messages to be sent, oldest first. @returns {{key: string, message: Queued}[]} */
  queue() {
    const start = `${this.prefix}out:`;
    return keys(this.store)
      .filter((key) => key.startsWith(start))
      .sort()
      .map((key) => ({ key, message: JSON.parse(this.store.getItem(key) ?? "null") }))
      .filter(({ message }) => message !== null);
  }

  /** @param {Queued} message */
  enqueue(message) {
    this.count += 1;
    const order = `${String(message.at).padStart(15, "0")}:${String(this.count).padStart(6, "0")}`;
    this.set(`out:${order}:${message.id}`, JSON.stringify(message));
  }

  /** @param {string} id @param {Queued | null} message what it is now, null when it is done */
  settle(id, message) {
    for (const { key } of this.queue().filter((queued) => queued.message.id === id)) {
      this.set(key.slice(this.prefix.length), message ? JSON.stringify(message) : "");
    }
  }

  forget() {
    for (const key of keys(this.store).filter((each) => each.startsWith(this.prefix))) this.store.removeItem(key);
  }

  /** Called when another tab changed the queue. @param {() => void} changed */
  watch(changed) {
    window.addEventListener("storage", (event) => {
      if (event.key === null || event.key.startsWith(`${this.prefix}out:`)) changed();
    });
  }
}

/** In place of storage that the browser refuses. */
class Fleeting {
  constructor() {
    this.values = new Map();
  }

  get length() {
    return this.values.size;
  }

  /** @param {number} index */
  key(index) {
    return [...this.values.keys()][index] ?? null;
  }

  /** @param {string} key */
  getItem(key) {
    return this.values.get(key) ?? null;
  }

  /** @param {string} key @param {string} value */
  setItem(key, value) {
    this.values.set(key, value);
  }

  /** @param {string} key */
  removeItem(key) {
    this.values.delete(key);
  }
}

/** @param {Storage | Fleeting} store @returns {string[]} */
function keys(store) {
  return Array.from({ length: store.length }, (_, index) => store.key(index)).filter((key) => key !== null);
}

function usable() {
  try {
    localStorage.setItem("onevoice:", "");
    localStorage.removeItem("onevoice:");
    return true;
  } catch {
    return false;
  }
}
