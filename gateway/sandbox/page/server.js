// The sandbox's API: what people do goes there, what the stand-ins show comes from there.

import { find } from "./dom.js";

let hide = 0;

/** A sentence at the foot of the page. @param {string} sentence "" hides it */
export function notice(sentence) {
  const place = find(document, "#notice");
  place.textContent = sentence;
  place.hidden = !sentence;
  window.clearTimeout(hide);
  if (sentence) hide = window.setTimeout(() => notice(""), 6000);
}

/**
 * Let a person do something; false, and a notice, when it was refused.
 * @param {string} path @param {object} [body] @returns {Promise<boolean>}
 */
export async function act(path, body = {}) {
  try {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(`/sandbox/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) notice((await answer.json()).error);
    return answer.ok;
  } catch {
    notice("The sandbox does not answer. Is it still running?");
    return false;
  }
}

/** @param {File} file @returns {Promise<string | null>} its id for the next act */
export async function upload(file) {
  const headers = { "Content-Type": file.type || "application/octet-stream", "X-File-Name": encodeURIComponent(file.name) };
  try {
    const answer = await fetch("/sandbox/files", { method: "POST", headers, body: file });
    const told = await answer.json();
    if (!answer.ok) notice(told.error);
    return told.id ?? null;
  } catch {
    notice("The file could not be read. Choose it again.");
    return null;
  }
}

/** @param {Record<string, (view: any) => void>} panes by the name of their event */
export function listen(panes) {
  const events = new EventSource("/sandbox/events");
  for (const [name, show] of Object.entries(panes)) {
    events.addEventListener(name, (event) => show(JSON.parse(event.data)));
  }
  events.addEventListener("error", () => document.body.classList.add("alone"));
  events.addEventListener("open", () => document.body.classList.remove("alone"));
}
