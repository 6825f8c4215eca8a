// Two ways to carry the same frames: a WebSocket, and where proxies break it POST and long poll (W6).

const VERSION = 1;
const POLL_SECONDS = 25;

/** @typedef {{v: number, type: string, id: string | null, seq: number | null} & Record<string, any>} Frame */
/** @typedef {{frame: (frame: Frame) => void, gone: (code: number, reason: string) => void}} Listener */

export class SocketTransport {
  /** @param {string} base @param {Listener} listener */
  constructor(base, listener) {
    this.socket = new WebSocket(`${base.replace(/^http/, "ws")}/ws`);
    /** @type {string[]} */
    this.early = [];
    this.socket.addEventListener("open", () => {
      for (const data of this.early.splice(0)) this.socket.send(data);
    });
    this.socket.addEventListener("message", (event) => listener.frame(JSON.parse(event.data)));
    this.socket.addEventListener("close", (event) => listener.gone(event.code, event.reason));
  }

  /** @param {object} frame */
  tell(frame) {
    const data = JSON.stringify({ v: VERSION, ...frame });
    if (this.socket.readyState === WebSocket.CONNECTING) this.early.push(data);
    else this.socket.send(data);
  }

  close() {
    this.socket.close();
  }
}

export class PollTransport {
  /** @param {string} base @param {Listener} listener */
  constructor(base, listener) {
    this.base = base;
    this.listener = listener;
    this.token = "";
    this.stop = new AbortController();
    this.last = Promise.resolve();
  }

  /** One request at a time, in order. @param {Record<string, any>} frame */
  tell(frame) {
    this.last = this.last.then(() => this.ask(frame)).catch(() => this.end(1006, ""));
  }

  /** @param {Record<string, any>} frame */
  async ask(frame) {
    if (frame.type === "resume") {
      await this.poll(frame.seq, 0, frame.id);
      this.follow();
      return;
    }
    const answer = await fetch(`${this.base}/messages`, {
      method: "POST",
      headers: this.headers(),
      body: JSON.stringify({ v: VERSION, ...frame }),
      signal: this.stop.signal,
    });
    const got = await answer.json();
    if (got.token) this.token = got.token;
    this.listener.frame({ ...got, id: got.id ?? frame.id });
    if (answer.status === 401) this.end(4401, "");
  }

  /** @param {number} seq @param {number} wait seconds @param {string} [resume] id of the frame this answers */
  async poll(seq, wait, resume) {
    const url = `${this.base}/messages?seq=${seq}&wait=${wait}`;
    const answer = await fetch(url, { headers: this.headers(), signal: this.stop.signal });
    if (!answer.ok) throw new Error(`${answer.status}`);
    this.seq = seq;
    for (const frame of await answer.json()) {
      this.seq = frame.seq;
      this.listener.frame(frame);
    }
    if (resume) this.listener.frame({ v: VERSION, type: "ack", id: resume, seq: this.seq });
  }

  async follow() {
    if (this.following) return;
    this.following = true;
    try {
      for (;;) await this.poll(this.seq ?? 0, POLL_SECONDS);
    } catch {
      this.end(1006, "");
    }
  }

  headers() {
    return this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }

  /** @param {number} code @param {string} reason */
  end(code, reason) {
    if (this.stop.signal.aborted) return;
    this.stop.abort();
    this.listener.gone(code, reason);
  }

  close() {
    this.end(1000, "");
  }
}
