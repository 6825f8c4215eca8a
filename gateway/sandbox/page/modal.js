// The form that the app has opened in front of somebody: shown over the desk, filled in by mouse or keyboard.

import { actions } from "./actions.js";
import { content } from "./blocks.js";
import { h } from "./dom.js";
import { act } from "./server.js";

/** @typedef {Record<string, any>} Json */

const SEARCH = new Set(["external_select", "multi_external_select"]);

export class Modal {
  /** @param {HTMLElement} pane @param {() => string} user whose forms are shown */
  constructor(pane, user) {
    this.user = user;
    this.shown = "";
    this.dialog = h("dialog", { class: "modal", "aria-label": "Slack form", keydown: (event) => this.key(event) });
    pane.append(this.dialog);
  }

  /** @param {Json | undefined} form @param {Record<string, string>} names of people by id */
  show(form, names) {
    const key = form ? `${form.id} ${form.hash}` : "";
    if (key !== this.shown) this.build(form, names);
    this.shown = key;
    if (!form) return;
    for (const [name, field] of Object.entries(this.fields)) {
      field.error.textContent = form.errors[name] ?? "";
      field.input.toggleAttribute("aria-invalid", Boolean(form.errors[name]));
      if (field.offer) field.offer(form.offered[name]);
    }
    if (this.submit) this.submit.disabled = form.sending;
  }

  /** @param {Json | undefined} form @param {Record<string, string>} names */
  build(form, names) {
    this.dialog.close();
    this.fields = {};
    this.submit = null;
    if (!form) return;
    this.submit = form.submit && h("button", { type: "submit", class: "strong" }, form.submit);
    const inside = h(
      "form",
      { autocomplete: "off", novalidate: true, submit: (event) => this.send(event) },
      h("h4", {}, form.title),
      h("div", { class: "fields" }, ...form.blocks.flatMap((block) => this.block(block, names))),
      h("footer", {}, h("button", { type: "button", click: () => this.close() }, form.close || "Close"), this.submit),
    );
    this.dialog.replaceChildren(inside);
    this.dialog.show();
    inside.querySelector("input, textarea, select, button")?.focus({ preventScroll: true });
  }

  /** @param {Json} block @param {Record<string, string>} names @returns {Node[]} */
  block(block, names) {
    if (block.type === "input") return [this.field(block)];
    if (block.type === "actions") return actions([block], (action) => act("slack/modal-press", { user: this.user(), action }));
    return content({ blocks: [block] }, names);
  }

  /** @param {Json} block */
  field(block) {
    const made = this.input(block.element, block.block_id);
    const error = h("p", { class: "error", role: "alert" });
    this.fields[block.block_id] = { ...made, error };
    return h(
      "label",
      {},
      h("span", {}, block.label.text, block.optional && h("small", {}, " (optional)")),
      ...(made.shown ?? [made.input]),
      block.hint && h("small", {}, block.hint.text),
      error,
    );
  }

  /** What somebody fills in, and how to read it. @param {Json} element @param {string} name @returns {Json} */
  input(element, name) {
    switch (element.type) {
      case "plain_text_input": {
        const limit = { maxlength: element.max_length };
        const input = element.multiline ? h("textarea", { rows: 4, ...limit }) : h("input", { type: "text", ...limit });
        input.value = element.initial_value ?? "";
        return { input, value: () => input.value };
      }
      case "datepicker":
      case "timepicker": {
        const kind = element.type.replace("picker", "");
        const input = h("input", { type: kind });
        input.value = element[`initial_${kind}`] ?? "";
        return { input, value: () => input.value };
      }
      default:
        return this.select(element, name);
    }
  }

  /** @param {Json} element @param {string} name @returns {Json} */
  select(element, name) {
    const several = element.type.startsWith("multi_");
    const first = (several ? element.initial_options : element.initial_option && [element.initial_option]) ?? [];
    const input = h("select", { multiple: several });
    const fill = (options) => {
      const chosen = new Set(first.map(({ value }) => value));
      const nothing = several || first.length ? [] : [h("option", { value: "" }, "Choose…")];
      input.replaceChildren(...nothing, ...options.map(({ value, text }) => h("option", { value, selected: chosen.has(value) }, text.text)));
    };
    const value = () => [...input.selectedOptions].map((option) => option.value).join(",");
    fill(element.options ?? first);
    if (!SEARCH.has(element.type)) return { input, value };
    let known = "";
    const look = () => act("slack/search", { user: this.user(), field: name, typed: box.value });
    const box = h("input", { type: "search", placeholder: "Search", "aria-label": "Search", input: look });
    const offer = (options) => {
      if (options && JSON.stringify(options) !== known) fill(options);
      known = options ? JSON.stringify(options) : known;
    };
    look();
    return { input, value, offer, shown: [box, input] };
  }

  /** @param {Event} event */
  send(event) {
    event.preventDefault();
    const values = Object.fromEntries(Object.entries(this.fields).map(([name, { value }]) => [name, value()]));
    act("slack/submit", { user: this.user(), values });
  }

  close() {
    act("slack/close", { user: this.user() });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key !== "Escape") return;
    event.preventDefault();
    this.close();
  }
}
