// The guided first minute: shows the step the server says is next.

import { find, h, sync } from "./dom.js";
import { act } from "./server.js";

const CHANNELS = { telegram: "Telegram", webchat: "Web chat", email: "Mail" };

export class Tour {
  /**
   * @param {HTMLElement} bar
   * @param {{point: (pane: string | null) => void, help: (step: any) => void, moved: (step: any) => void}} owner
   */
  constructor(bar, owner) {
    this.bar = bar;
    this.owner = owner;
    this.chapters = find(bar, ".chapters");
    this.took = find(bar, ".took");
    this.title = find(bar, ".what b");
    this.why = find(bar, ".why");
    this.hold = find(bar, ".hold");
    this.button = find(bar, "[data-do=help]");
    this.skip = find(bar, "[data-do=skip]");
    this.step = null;
    this.last = "";
    this.button.addEventListener("click", () => (this.step ? owner.help(this.step) : act("tour/restart")));
    this.skip.addEventListener("click", () => act("tour/skip"));
    find(bar, "[data-do=end]").addEventListener("click", () => act("tour/end"));
    find(document, "#again").addEventListener("click", () => act("tour/restart"));
  }

  /** @param {any} view */
  show(view) {
    this.bar.hidden = !view.on;
    this.step = view.steps.find(({ id }) => id === view.current) ?? null;
    const chapters = Object.keys(CHANNELS).map((channel) => ({
      channel,
      now: this.step?.channel === channel,
      steps: view.steps.filter((step) => step.channel === channel).map(({ id, state, title }) => ({ title, state: id === view.current ? "now" : state })),
    }));
    sync(this.chapters, chapters, ({ channel }) => channel, chapter);
    const before = view.steps[view.steps.indexOf(this.step) - 1];
    this.took.textContent = this.step && before?.took ? praise(before) : "";
    this.title.textContent = this.step ? this.step.title : "That was the first minute.";
    this.why.textContent = this.step ? words(this.step) : "Now play: // makes a note, a reply deleted in time never leaves, and files go both ways.";
    this.button.textContent = this.step ? help(this.step) : "Once more";
    this.button.hidden = this.button.textContent === "";
    this.skip.hidden = !this.step;
    this.owner.point(view.on && this.step ? this.step.pane : null);
    if (this.last === view.current) return;
    this.last = view.current;
    this.wait(this.step?.hold ?? 0);
    if (view.on && this.step) this.owner.moved(this.step);
  }

  /** A bar that fills during the undo hold. @param {number} seconds */
  wait(seconds) {
    this.hold.hidden = !seconds;
    if (!seconds) return;
    const move = [{ transform: "scaleX(0)" }, { transform: "scaleX(1)" }];
    find(this.hold, "i").animate(move, { duration: seconds * 1000, fill: "forwards" });
  }
}

/** @param {any} chapter */
function chapter({ channel, now, steps }) {
  const done = steps.every(({ state }) => state === "done" || state === "skipped");
  const dots = steps.map(({ state, title }) => h("i", { class: state, title }));
  return h("li", { class: now ? "now" : done ? "done" : "", "aria-current": now ? "step" : null }, CHANNELS[channel], h("div", {}, ...dots));
}

/** @param {any} step that is done */
function praise(step) {
  if (step.id.endsWith("show")) return `In Slack after ${(step.took / 1000).toFixed(1)} s`;
  return step.id.endsWith("arrive") ? `Arrived after ${(step.took / 1000).toFixed(1)} s` : "";
}

/** @param {any} step */
const words = (step) => (step.id === "webchat.ask" ? `${step.text} For example: “${step.example}”` : step.text);

/** @param {any} step */
function help(step) {
  if (step.id === "webchat.ask") return "Open the chat";
  if (step.id.endsWith("ask")) return "Fill in an example";
  if (step.id.endsWith("answer")) return "Fill in an answer";
  return "Show me";
}
