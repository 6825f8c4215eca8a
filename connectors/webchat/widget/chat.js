// The chat's page: puts memory, connection, sender, log and composer together.

import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { Log } from "./log.js";
import { Memory } from "./memory.js";
import { Page } from "./page.js";
import { Sender } from "./sender.js";
import { uuid } from "./uuid.js";
import { words as wordsFor } from "./words.js";

const meta = /** @type {HTMLMetaElement} */ (document.querySelector('meta[name="onevoice"]'));
const config = JSON.parse(meta.content);
const base = new URL(`/webchat/${config.channel}`, location.href).href;
const memory = new Memory(config.channel);
const page = new Page(config.origins, heard);

let language = navigator.language;
let identity = "";
let token = memory.get("token"); // of a known customer it is not stored: the shop says who he is on each page
let cursor = 0;
let shown = !page.embedded;
let started = false;
let unread = 0;

/** @param {string} id @returns {HTMLElement} */
const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @type {Log} */ let log;
/** @type {Composer} */ let composer;
/** @type {Connection} */ let connection;
/** @type {Sender} */ let sender;
/** @type {Record<string, string>} */ let words;

if (page.embedded) window.setTimeout(start, 1500); // an embedder that never says anything
else start();

/** @param {Record<string, any>} message from the page that embeds us */
function heard(message) {
  if (message.type === "init") {
    language = message.language || language;
    identity = message.identity || "";
    start();
  } else if (message.type === "identify" && message.identity !== identity) {
    identity = message.identity;
    connection?.restart();
  } else if (message.type === "signout") {
    signOut();
  } else if (message.type === "shown" || message.type === "hidden") {
    shown = message.type === "shown";
    if (shown && log) {
      seen();
      log.toEnd();
      composer?.focus();
    }
  }
}

function start() {
  if (started) return;
  started = true;
  words = wordsFor(language);
  document.documentElement.lang = language;
  part("log").setAttribute("aria-label", words.log);
  const close = /** @type {HTMLButtonElement} */ (part("close"));
  close.setAttribute("aria-label", words.close);
  close.hidden = !page.embedded;
  close.addEventListener("click", () => page.tell("close"));
  document.addEventListener("keydown", (event) => event.key === "Escape" && page.tell("close"));
  log = new Log(part("log"), words, language, { retry, remove });
  if (config.greeting) log.greet("", config.greeting);
  if (config.consent && memory.get("consent") !== config.consent.version) askConsent();
  else open();
}

/** Before it is given nothing is stored and nothing is asked of the server (W18). */
function askConsent() {
  const panel = part("consent");
  panel.hidden = false;
  /** @type {HTMLElement} */ (panel.querySelector("p")).textContent = config.consent.text;
  const accept = /** @type {HTMLButtonElement} */ (panel.querySelector("button"));
  accept.textContent = words.accept;
  accept.addEventListener("click", () => {
    memory.set("consent", config.consent.version);
    panel.hidden = true;
    open();
    composer.focus();
  });
}

function open() {
  const form = /** @type {HTMLFormElement} */ (part("composer"));
  form.hidden = false;
  composer = new Composer(form, words, config.limits, { send, upload });
  connection = new Connection(base, { hello, seq: () => cursor, frame, state, refused });
  sender = new Sender(memory, connection, {
    sending: (message) => log.pending(message, "sending"),
    sent,
    failed: (message) => log.pending(message, "failed"),
  });
  memory.watch(queueChanged);
  queueChanged();
  connection.start();
}

function hello() {
  return {
    language,
    ...(identity ? { identity } : { token: token || undefined }),
    ...(config.consent ? { consent: config.consent.version } : {}),
  };
}

/** @param {import("./transports.js").Frame} frame */
function frame(frame) {
  if (frame.type === "ack") {
    if (memory.get("visitor") !== frame.visitor) {
      memory.set("visitor", frame.visitor);
      memory.set("seen", "");
      cursor = 0;
      log.reset();
    }
    token = frame.token;
    memory.set("token", frame.known ? "" : token);
  } else if (frame.type === "reset") {
    cursor = frame.seq ?? 0;
    log.reset();
  } else if (frame.seq > cursor) {
    cursor = frame.seq;
    log.event(frame);
    if (frame.client) memory.settle(frame.client, null);
    else if (frame.kind === "message") arrived(frame.seq);
  }
}

/** @param {number} seq */
function arrived(seq) {
  if (shown && document.visibilityState === "visible") seen();
  else if (seq > Number(memory.get("seen"))) page.tell("unread", { count: (unread += 1) });
}

function seen() {
  unread = 0;
  memory.set("seen", String(cursor));
  page.tell("unread", { count: 0 });
}

/** @param {"connecting" | "online" | "offline"} state */
function state(state) {
  part("state").textContent = state === "online" ? "" : words[state];
  if (state === "online") {
    part("log").setAttribute("aria-live", "polite");
    sender.kick();
  }
  queueChanged();
}

/** @param {import("./transports.js").Frame} error */
function refused(error) {
  if (error.code === "webchat.token" && identity) {
    identity = "";
    connection.stop();
    page.tell("identity"); // the shop gives a fresh one
  } else if (error.code === "webchat.token") {
    token = "";
    memory.set("token", "");
  } else if (error.code === "webchat.version" || error.code === "webchat.consent") {
    connection.stop();
    memory.set("consent", "");
    if (Number(memory.get("reloaded")) < Date.now() - 3_600_000) {
      memory.set("reloaded", String(Date.now()));
      location.reload(); // this page is older than the server
    }
  }
}

/** @param {string} text @param {import("./composer.js").Uploaded[]} files */
function send(text, files) {
  const message = { id: uuid(), text, files, at: Date.now() };
  memory.enqueue(message);
  log.pending(message, connection.online ? "sending" : "waiting");
  page.tell("chatted");
  sender.kick();
}

/** @param {import("./memory.js").Queued} message @param {number | null} seq @param {string} id */
function sent(message, seq, id) {
  log.pending(message, "sending");
  log.sent(message.id, seq, id, message.at);
  if (seq === cursor + 1) cursor = seq; // else the feed brings what lies between
}

/** The messages of every tab of this visitor, shown as far as this tab can tell. */
function queueChanged() {
  for (const { message } of memory.queue()) {
    log.pending(message, message.failed ? "failed" : connection.online ? "sending" : "waiting");
  }
  sender.kick();
}

/** @param {string} id */
function retry(id) {
  const found = memory.queue().find(({ message }) => message.id === id);
  if (!found) return;
  const { failed, ...message } = found.message;
  if (failed === "webchat.conflict") return again(message);
  memory.settle(id, message);
  queueChanged();
}

/** A uuid that was used for something else is of no use. @param {import("./memory.js").Queued} message */
function again(message) {
  remove(message.id);
  send(message.text, message.files);
}

/** @param {string} id */
function remove(id) {
  memory.settle(id, null);
  log.remove(id);
}

/** @param {File} file @returns {Promise<import("./composer.js").Uploaded>} */
async function upload(file) {
  const answer = await fetch(`${base}/files`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "X-File-Name": encodeURIComponent(file.name) },
    body: file,
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

async function signOut() {
  if (connection) {
    await connection.ask({ type: "reset" }).catch(() => {});
    connection.stop();
  }
  memory.forget();
  identity = "";
  token = "";
  cursor = 0;
  unread = 0;
  page.tell("unread", { count: 0 });
  if (!log) return;
  log.clear();
  if (config.consent) location.reload();
  else if (connection) connection.start();
}
