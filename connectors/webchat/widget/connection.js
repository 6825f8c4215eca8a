// Keeps a visitor connected: hello and resume on each connection, jittered back-off between them (W3, W7, W19).

import { PollTransport, SocketTransport } from "./transports.js";
import { uuid } from "./uuid.js";

const ANSWER_MS = 10_000;
const FIRST_MS = 500;
const LONGEST_MS = 30_000;
const SOCKET_TRIES = 2; // sockets that never got a hello through, before long polls are tried

/** @typedef {import("./transports.js").Frame} Frame */
/** @typedef {{hello: () => object, seq: () => number, frame: (frame: Frame) => void,
 *   state: (state: "connecting" | "online" | "offline") => void, refused: (frame: Frame) => void}} Owner */

/** The answer to a frame that the server refused, or none at all (`status` 0: ask again later). */
export class NotDone extends Error {
  /** @param {number} status @param {string} code @param {number} retryAfter seconds */
  constructor(status, code, retryAfter) {
    super(code);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

export class Connection {
  /** @param {string} base @param {Owner} owner */
  constructor(base, owner) {
    this.base = base;
    this.owner = owner;
    this.transport = null;
    this.online = false;
    this.failures = 0;
    this.deafSockets = 0;
    this.timer = 0;
    this.stopped = true;
    /** @type {Map<string, {done: (frame: Frame) => void, failed: (error: NotDone) => void, timer: number}>} */
    this.asked = new Map();
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.wake());
    window.addEventListener("pageshow", () => this.wake());
    window.addEventListener("online", () => this.wake());
  }

  start() {
    this.stopped = false;
    this.connect();
  }

  /** Say hello anew, with whatever the owner now says. */
  restart() {
    this.drop();
    this.failures = 0;
    this.start();
  }

  stop() {
    this.stopped = true;
    this.drop();
    this.owner.state("offline");
  }

  /**
   * Send a frame and wait for its answer.
   * @param {{type: string, id?: string} & Record<string, any>} frame
   * @returns {Promise<Frame>} rejects with NotDone
   */
  ask(frame) {
    const id = frame.id ?? uuid();
    return new Promise((done, failed) => {
      if (!this.transport) {
        failed(new NotDone(0, "offline", 0));
        return;
      }
      const timer = window.setTimeout(() => this.lost(1006, ""), ANSWER_MS);
      this.asked.set(id, { done, failed, timer });
      this.transport.tell({ ...frame, id });
    });
  }

  /** The page is looked at again or the network is back: is the connection still alive? */
  wake() {
    if (this.stopped) return;
    if (this.online) this.ask({ type: "resume", seq: this.owner.seq() }).catch(() => {});
    else if (!this.transport) {
      this.failures = 0;
      this.connect();
    }
  }

  connect() {
    window.clearTimeout(this.timer);
    if (this.stopped || this.transport) return;
    this.owner.state("connecting");
    const Transport = this.deafSockets < SOCKET_TRIES ? SocketTransport : PollTransport;
    /** @type {SocketTransport | PollTransport} */
    const transport = new Transport(this.base, {
      frame: (frame) => this.transport === transport && this.heard(frame),
      gone: (code, reason) => this.transport === transport && this.lost(code, reason),
    });
    this.transport = transport;
    this.heardHello = false;
    this.greet().catch(() => {}); // `lost` or `refused` says what follows
  }

  async greet() {
    this.owner.frame(await this.ask({ type: "hello", ...this.owner.hello() }));
    this.heardHello = true;
    this.deafSockets = 0;
    await this.ask({ type: "resume", seq: this.owner.seq() }); // the hello may have changed the visitor and the cursor
    this.failures = 0;
    this.online = true;
    this.owner.state("online");
  }

  /** @param {Frame} frame */
  heard(frame) {
    const asked = frame.id ? this.asked.get(frame.id) : undefined;
    if (frame.id && asked && (frame.type === "ack" || frame.type === "error")) {
      window.clearTimeout(asked.timer);
      this.asked.delete(frame.id);
      if (frame.type === "ack") {
        asked.done(frame);
      } else {
        if (frame.status === 401 || frame.status === 426 || frame.code === "webchat.consent") this.owner.refused(frame);
        asked.failed(new NotDone(frame.status, frame.code, frame.retry_after ?? 0));
      }
    } else if (frame.type === "event" || frame.type === "reset") {
      this.owner.frame(frame);
    }
  }

  /** @param {number} code @param {string} reason */
  lost(code, reason) {
    if (this.transport instanceof SocketTransport && !this.heardHello && code === 1006 && navigator.onLine) {
      this.deafSockets += 1;
    }
    this.drop();
    if (this.stopped) return;
    this.owner.state("offline");
    if (code === 4429) return; // too many windows: this one waits until somebody looks at it
    this.timer = window.setTimeout(() => this.connect(), this.pause(code, reason));
  }

  /** @param {number} code @param {string} reason @returns {number} milliseconds */
  pause(code, reason) {
    const jitter = /jitter=(\d+)/.exec(reason);
    if (code === 1012 && jitter) return Math.random() * Math.min(Number(jitter[1]), 60_000);
    const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.failures);
    this.failures += 1;
    return ceiling / 2 + Math.random() * (ceiling / 2);
  }

  drop() {
    window.clearTimeout(this.timer);
    const transport = this.transport;
    this.transport = null;
    this.online = false;
    if (transport) transport.close();
    const asked = [...this.asked.values()];
    this.asked.clear();
    for (const each of asked) {
      window.clearTimeout(each.timer);
      each.failed(new NotDone(0, "offline", 0));
    }
  }
}
