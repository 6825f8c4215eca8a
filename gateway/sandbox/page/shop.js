// The shop's page in its frame: it embeds the chat as any shop would, through the loader's public functions.

import { find } from "./dom.js";

export class Shop {
  /** @param {HTMLElement} pane */
  constructor(pane) {
    this.frame = /** @type {HTMLIFrameElement} */ (find(pane, "iframe"));
    find(pane, "[data-do=visitor]").addEventListener("click", () => this.chat?.signOut());
  }

  /** @returns {{open: () => void, signOut: () => void} | undefined} */
  get chat() {
    return /** @type {any} */ (this.frame.contentWindow).Onevoice;
  }

  open() {
    this.chat?.open();
  }
}
