// A text that grows, files, and Enter to send: the same on the phone and at the desk.

import { find } from "./dom.js";
import { Chosen } from "./files.js";

export class Composer {
  /**
   * @param {HTMLFormElement} form
   * @param {{send: (text: string, files: string[]) => Promise<boolean>, changed?: (text: string) => void}} owner
   */
  constructor(form, owner) {
    this.owner = owner;
    this.text = /** @type {HTMLTextAreaElement} */ (find(form, "textarea"));
    this.button = /** @type {HTMLButtonElement} */ (find(form, "button[type=submit]"));
    this.busy = false;
    this.files = new Chosen(form, () => this.changed());
    this.text.addEventListener("input", () => this.changed());
    this.text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.send();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.changed();
  }

  get empty() {
    return !this.text.value.trim() && this.files.files.size === 0;
  }

  /** @param {string} text */
  fill(text) {
    this.text.value = text;
    this.changed();
    this.text.focus();
  }

  clear() {
    this.text.value = "";
    this.files.clear();
  }

  async send() {
    if (this.empty || this.busy || !this.files.ready) return;
    const { value } = this.text;
    this.busy = true;
    this.text.value = "";
    this.changed();
    if (await this.owner.send(value, this.files.ids)) this.files.clear();
    else this.text.value = value;
    this.busy = false;
    this.changed();
  }

  /** As high as its text; does nothing while it is not shown. */
  fit() {
    this.text.style.height = "auto";
    if (this.text.scrollHeight) this.text.style.height = `${this.text.scrollHeight + 2}px`;
  }

  changed() {
    this.fit();
    this.button.disabled = this.empty || !this.files.ready;
    this.owner.changed?.(this.text.value);
  }
}
