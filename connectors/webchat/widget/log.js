// The conversation as the visitor sees it: one item a message, in the order of the feed.

import { anchor, render, safeLink } from "./richtext.js";

const STATES = ["waiting", "sending", "failed"];
const SHOWN_IMAGES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/** @typedef {{item: HTMLElement, bubble: HTMLElement, foot: HTMLElement, seq: number, author: string}} Entry */
/** @typedef {{name: string, type: string, size: number, url: string | null}} File */

export class Log {
  /**
   * @param {HTMLElement} list
   * @param {Record<string, string>} words
   * @param {string} language
   * @param {{retry: (id: string) => void, remove: (id: string) => void}} actions
   */
  constructor(list, words, language, actions) {
    this.list = list;
    this.words = words;
    this.actions = actions;
    this.clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
    this.day = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
    /** @type {Entry[]} in order; what is not stored yet has an infinite seq */
    this.entries = [];
    /** @type {Map<string, Entry>} by our own uuid */
    this.mine = new Map();
    /** @type {Map<string, Entry>} by the server's id */
    this.stored = new Map();
  }

  /** @param {string} name @param {string} text */
  greet(name, text) {
    this.entry("system", name, 0).bubble.append(render([text]));
  }

  /**
   * A message of ours that is not acknowledged.
   * @param {import("./memory.js").Queued} message
   * @param {"waiting" | "sending" | "failed"} state
   */
  pending(message, state) {
    const known = this.mine.get(message.id);
    const entry = known ?? this.own(message.id, message.text.split("\n\n"), message.files);
    if (entry.seq !== Infinity) return;
    entry.item.classList.remove(...STATES);
    entry.item.classList.add(state);
    const words = { waiting: this.words.queued, sending: this.words.sending, failed: this.words.failed };
    entry.foot.replaceChildren(words[state]);
    if (state === "failed") {
      entry.foot.append(
        this.button(this.words.retry, () => this.actions.retry(message.id)),
        this.button(this.words.remove, () => this.actions.remove(message.id)),
      );
    }
    if (!known) this.toEnd();
  }

  /** @param {string} client @param {number | null} seq @param {string} id @param {number} at */
  sent(client, seq, id, at) {
    const entry = this.mine.get(client);
    if (!entry) return;
    entry.item.classList.remove(...STATES);
    entry.foot.replaceChildren(this.time(at), this.words.sent);
    if (id) this.stored.set(id, entry);
    if (seq !== null) this.place(entry, seq);
  }

  /** @param {string} client */
  remove(client) {
    const entry = this.mine.get(client);
    if (!entry || entry.seq !== Infinity) return;
    this.mine.delete(client);
    this.entries.splice(this.entries.indexOf(entry), 1);
    entry.item.remove();
  }

  /** One entry of the feed. @param {import("./transports.js").Frame} event */
  event(event) {
    const follows = this.atEnd();
    this.apply(event);
    if (follows) this.toEnd();
  }

  /** @param {import("./transports.js").Frame} event */
  apply(event) {
    if (event.kind === "message" && event.client) {
      const own = this.mine.get(event.client) ?? this.own(event.client, event.text, event.files);
      this.fill(own, event);
      this.sent(event.client, event.seq, event.id, event.at);
      return;
    }
    let entry = this.stored.get(event.id);
    if (event.kind === "message") {
      if (!entry) {
        entry = this.entry(event.author.kind, event.author.name, event.seq);
        this.stored.set(event.id, entry);
      }
      entry.foot.replaceChildren(this.time(event.at));
    }
    if (!entry) return; // about a message this visitor was never shown
    this.fill(entry, event);
    if (event.kind === "edit" && !entry.item.classList.contains("edited")) {
      entry.item.classList.add("edited");
      entry.foot.append(this.words.edited);
    }
  }

  /** Forget everything but what is not sent yet. */
  reset() {
    const kept = this.entries.filter((entry) => entry.seq === Infinity || entry.seq === 0);
    this.entries = kept;
    this.stored.clear();
    for (const [client, entry] of this.mine) if (!kept.includes(entry)) this.mine.delete(client);
    this.list.replaceChildren(...kept.map((entry) => entry.item));
  }

  /** Shown again from the start, as after signing out. */
  clear() {
    this.entries = this.entries.filter((entry) => entry.seq === 0);
    this.stored.clear();
    this.mine.clear();
    this.list.replaceChildren(...this.entries.map((entry) => entry.item));
  }

  /** @param {Entry} entry @param {{kind: string, text: any[], files: File[]}} event */
  fill(entry, event) {
    if (event.kind === "delete") {
      entry.item.classList.add("gone");
      entry.bubble.replaceChildren(this.words.deleted);
    } else {
      entry.bubble.replaceChildren(render(event.text), ...event.files.map((file) => this.file(file)));
    }
  }

  /** @param {string} client @param {any[]} text @param {File[]} files @returns {Entry} */
  own(client, text, files) {
    const entry = this.entry("customer", "", Infinity);
    this.fill(entry, { kind: "message", text: text.filter((block) => block !== ""), files });
    this.mine.set(client, entry);
    return entry;
  }

  /** @param {string} kind @param {string} name @param {number} seq @returns {Entry} */
  entry(kind, name, seq) {
    const item = document.createElement("div");
    item.className = "message";
    const bubble = document.createElement("div");
    const foot = document.createElement("div");
    bubble.className = "bubble";
    foot.className = "foot";
    item.classList.toggle("mine", kind === "customer");
    const shown = kind === "customer" ? this.words.you : name; // "You" is for screen readers only
    if (shown) {
      const label = document.createElement("div");
      label.className = "name";
      label.textContent = shown;
      item.append(label);
    }
    item.append(bubble, foot);
    const entry = { item, bubble, foot, seq: -1, author: `${kind} ${name}` };
    this.place(entry, seq);
    return entry;
  }

  /** @param {Entry} entry @param {number} seq */
  place(entry, seq) {
    if (entry.seq === seq) return;
    const old = this.entries.indexOf(entry);
    if (old >= 0) this.entries.splice(old, 1);
    let index = this.entries.length;
    while (index > 0 && this.entries[index - 1].seq > seq) index -= 1;
    entry.seq = seq;
    this.entries.splice(index, 0, entry);
    if (old !== index) this.list.insertBefore(entry.item, this.entries[index + 1]?.item ?? null);
    for (const at of [index, index + 1]) this.group(at);
  }

  /** Messages of one author in a row show the name once. @param {number} index */
  group(index) {
    const entry = this.entries[index];
    if (entry) entry.item.classList.toggle("same", this.entries[index - 1]?.author === entry.author);
  }

  /** Whoever has scrolled up to read is left there. */
  atEnd() {
    return this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 80;
  }

  toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
  }

  /** @param {File} file @returns {HTMLElement} */
  file(file) {
    const box = document.createElement("div");
    box.className = "file";
    const url = file.url ? safeLink(new URL(file.url, location.href).href) : null;
    const label = `${file.name} (${size(file.size)})`;
    if (!url) {
      box.textContent = `${label}: ${this.words.unavailable}`;
      return box;
    }
    const link = anchor(url.href);
    link.download = file.name;
    if (SHOWN_IMAGES.includes(file.type)) {
      const image = document.createElement("img");
      image.src = url.href;
      image.alt = file.name;
      image.addEventListener("load", () => this.list.lastElementChild?.contains(image) && this.toEnd());
      link.append(image);
    } else {
      link.textContent = label;
    }
    box.append(link);
    return box;
  }

  /** @param {number} at @returns {HTMLTimeElement} */
  time(at) {
    const time = document.createElement("time");
    const date = new Date(at);
    time.dateTime = date.toISOString();
    time.title = this.day.format(date);
    time.textContent = (Date.now() - at < 86_400_000 ? this.clock : this.day).format(date);
    return time;
  }

  /** @param {string} label @param {() => void} pressed @returns {HTMLButtonElement} */
  button(label, pressed) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", pressed);
    return button;
  }
}

/** @param {number} bytes */
function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${Math.round(bytes / 1024)} kB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
