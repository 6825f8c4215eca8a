// Files: how a message shows them, and how they are chosen.

import { find, h, icon } from "./dom.js";
import { upload } from "./server.js";
import { size } from "./words.js";

const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/** @typedef {{url: string, name: string, type: string, size: number}} Shown */

/** @param {Shown} file @returns {HTMLElement} */
export function shown(file) {
  const about = { href: file.url, download: file.name, title: file.name };
  if (PICTURES.includes(file.type)) {
    return h("a", { ...about, class: "picture" }, h("img", { src: file.url, alt: file.name }));
  }
  return h("a", { ...about, class: "file" }, icon("file"), h("span", {}, file.name), h("small", {}, size(file.size)));
}

/** The chosen files of a form: a button, the hidden input behind it, and a list. */
export class Chosen {
  /** @param {HTMLFormElement} form @param {() => void} changed */
  constructor(form, changed) {
    this.list = find(form, ".chosen");
    this.changed = changed;
    /** @type {Map<HTMLElement, string | null>} id, null while it is uploaded */
    this.files = new Map();
    const input = find(form, "input[type=file]");
    find(form, ".attach").addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      for (const file of input.files) this.add(file);
      input.value = "";
    });
    form.addEventListener("dragover", (event) => event.preventDefault());
    form.addEventListener("drop", (event) => {
      event.preventDefault();
      for (const file of event.dataTransfer?.files ?? []) this.add(file);
    });
    form.addEventListener("paste", (event) => {
      for (const file of event.clipboardData?.files ?? []) this.add(file);
    });
  }

  /** @param {File} file */
  async add(file) {
    const remove = () => {
      this.files.delete(item);
      item.remove();
      this.changed();
    };
    const label = `Remove ${file.name}`;
    const item = h("li", {}, h("span", {}, file.name), h("button", { type: "button", "aria-label": label, click: remove }, icon("close")));
    this.files.set(item, null);
    this.list.append(item);
    this.changed();
    const id = await upload(file);
    if (id === null) remove();
    else if (this.files.has(item)) this.files.set(item, id);
    this.changed();
  }

  get ids() {
    return [...this.files.values()].filter((id) => id !== null);
  }

  get ready() {
    return this.ids.length === this.files.size;
  }

  clear() {
    this.files.clear();
    this.list.replaceChildren();
    this.changed();
  }
}
