// Sends what is queued: in order, one at a time, from one tab, until the server has acknowledged it (W4, W5).

/** @typedef {import("./memory.js").Queued} Queued */

export class Sender {
  /**
   * @param {import("./memory.js").Memory} memory
   * @param {import("./connection.js").Connection} connection
   * @param {{sending: (message: Queued) => void, sent: (message: Queued, seq: number | null, id: string) => void,
   *   failed: (message: Queued) => void}} shown
   */
  constructor(memory, connection, shown) {
    this.memory = memory;
    this.connection = connection;
    this.shown = shown;
    this.busy = false;
  }

  /** There may be something to send. Two tabs sending the same would do no harm, only the order would suffer. */
  async kick() {
    if (this.busy || !this.connection.online) return;
    this.busy = true;
    try {
      if (navigator.locks) await navigator.locks.request(`${this.memory.prefix}sender`, () => this.drain());
      else await this.drain();
    } finally {
      this.busy = false;
    }
    if (this.next() && this.connection.online) this.kick();
  }

  /** @returns {Queued | undefined} */
  next() {
    return this.memory.queue().map(({ message }) => message).find((message) => !message.failed);
  }

  async drain() {
    for (let message = this.next(); message && this.connection.online; message = this.next()) {
      this.shown.sending(message);
      const { id, text, at } = message;
      try {
        const ack = await this.connection.ask({ type: "send", id, text, at, files: message.files.map((each) => each.file) });
        this.memory.settle(id, null);
        this.shown.sent(message, ack.seq, ack.message);
      } catch (refused) {
        if (refused.status === 0 || refused.status === 401) return; // the next connection sends it
        if (refused.status === 429 || refused.status === 503) {
          await pause(refused.retryAfter);
        } else {
          message.failed = refused.code;
          this.memory.settle(id, message);
          this.shown.failed(message);
        }
      }
    }
  }
}

/** @param {number} seconds */
function pause(seconds) {
  const milliseconds = Math.min(Math.max(seconds, 0.2), 60) * 1000 * (1 + Math.random() / 4);
  return new Promise((done) => window.setTimeout(done, milliseconds));
}
