// The loader a shop puts on its pages: a button, and behind it the chat in a frame of its own origin (W14).
// It reads and writes nothing of the page but one note that this visitor has chatted before.
(() => {
  "use strict";
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  if (!script || window.Onevoice) return;

  /** @type {{channel: string, title: string, colour: string, ink: string}} put in by the server */
  const config = "{{config}}";
  const base = new URL(".", script.src);
  const origin = base.origin;
  const note = `onevoice:${config.channel}:chatted`;
  const language = script.dataset.language || document.documentElement.lang || "";
  const left = script.dataset.position === "left";
  let identity = script.dataset.identity || "";

  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "closed" });
  const style = new CSSStyleSheet();
  style.replaceSync(`
    :host { all: initial; }
    button, iframe { position: fixed; ${left ? "left" : "right"}: max(20px, env(safe-area-inset-right)); border: 0; z-index: 2147483000; }
    button { bottom: max(20px, env(safe-area-inset-bottom)); width: 56px; height: 56px; border-radius: 28px; padding: 0;
      background: ${config.colour}; color: ${config.ink}; cursor: pointer; box-shadow: 0 4px 16px rgb(0 0 0 / 25%); }
    button:focus-visible { outline: 3px solid #fff; box-shadow: 0 0 0 6px ${config.colour}; }
    svg { width: 26px; height: 26px; display: block; margin: auto; fill: none; stroke: currentColor; stroke-width: 2;
      stroke-linecap: round; stroke-linejoin: round; }
    span { position: absolute; top: -4px; right: -4px; min-width: 20px; height: 20px; border-radius: 10px; background: #c62828;
      font: 600 12px/20px system-ui, sans-serif; text-align: center; }
    span:empty { display: none; }
    iframe { bottom: calc(max(20px, env(safe-area-inset-bottom)) + 68px); width: min(384px, calc(100vw - 40px));
      height: min(640px, calc(100dvh - 120px)); border-radius: 16px; box-shadow: 0 12px 40px rgb(0 0 0 / 28%);
      color-scheme: normal; background: transparent; }
    iframe[hidden] { display: none; }
    @media (max-width: 480px) {
      iframe { inset: 0; width: 100vw; height: 100dvh; border-radius: 0; }
    }
    @media (prefers-reduced-motion: no-preference) {
      button { transition: transform .15s ease; }
      button:hover { transform: scale(1.05); }
    }
    @media print { :host { display: none; } }
  `);
  root.adoptedStyleSheets = [style];

  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-label", config.title);
  button.setAttribute("aria-expanded", "false");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M21 12a8 8 0 0 1-8 8H4l2-3a8 8 0 1 1 15-5z");
  svg.append(path);
  const badge = document.createElement("span");
  badge.setAttribute("aria-hidden", "true");
  button.append(svg, badge);
  root.append(button);

  /** @type {HTMLIFrameElement | null} */
  let frame = null;
  let ready = false;
  /** @type {object[]} */
  let waiting = [];

  /** @param {object} message */
  function tell(message) {
    if (!ready || !frame || !frame.contentWindow) waiting.push(message);
    else frame.contentWindow.postMessage({ onevoice: 1, ...message }, origin);
  }

  function load() {
    if (frame) return;
    frame = document.createElement("iframe");
    frame.hidden = true;
    frame.title = config.title;
    frame.allow = "clipboard-write";
    frame.src = new URL("frame", base).href;
    frame.addEventListener("load", () => {
      ready = true;
      tell({ type: "init", language, identity });
      for (const message of waiting.splice(0)) tell(message);
    });
    root.append(frame);
  }

  /** @param {boolean} shown */
  function show(shown) {
    if (shown) load();
    if (!frame || frame.hidden !== shown) return;
    frame.hidden = !shown;
    button.setAttribute("aria-expanded", String(shown));
    tell({ type: shown ? "shown" : "hidden" });
    if (shown) frame.focus();
    else button.focus();
  }

  button.addEventListener("click", () => show(!frame || frame.hidden));

  window.addEventListener("message", (event) => {
    if (!frame || event.source !== frame.contentWindow || event.origin !== origin) return;
    const message = event.data;
    if (!message || message.onevoice !== 1) return;
    if (message.type === "unread") {
      badge.textContent = message.count ? String(message.count) : "";
      button.setAttribute("aria-label", message.count ? `${config.title} (${message.count})` : config.title);
    } else if (message.type === "close") {
      show(false);
    } else if (message.type === "chatted") {
      remember(true);
    } else if (message.type === "identity") {
      window.dispatchEvent(new CustomEvent("onevoice:identity"));
    }
  });

  /** @param {boolean} chatted */
  function remember(chatted) {
    try {
      if (chatted) localStorage.setItem(note, "1");
      else localStorage.removeItem(note);
    } catch {
      // Storage is off: the frame is loaded on the first click instead.
    }
  }

  function chatted() {
    try {
      return localStorage.getItem(note) === "1";
    } catch {
      return false;
    }
  }

  window.Onevoice = Object.freeze({
    open: () => show(true),
    close: () => show(false),
    /** @param {string} jwt the shop's statement of who this is; answer `onevoice:identity` with a fresh one */
    identify(jwt) {
      identity = jwt;
      if (frame) tell({ type: "identify", identity });
    },
    signOut() {
      identity = "";
      remember(false);
      if (frame) tell({ type: "signout" });
    },
  });

  const start = () => {
    document.body.append(host);
    if (chatted()) load();
  };
  if (document.body) start();
  else document.addEventListener("DOMContentLoaded", start);
})();
