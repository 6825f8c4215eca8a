// The app's Home: what one person alone is shown, and the buttons in it.

import { actions } from "./actions.js";
import { content } from "./blocks.js";
import { h } from "./dom.js";

/** Where the list of channels leads to it. */
export const HOME = "home";

/**
 * @param {{blocks: any[]}} home as it was published
 * @param {Record<string, string>} names of people by id
 * @param {(action: string) => void} press
 */
export function home({ blocks }, names, press) {
  const shown = blocks.flatMap((block) => (block.type === "actions" ? actions([block], press) : content({ blocks: [block] }, names)));
  return h("li", { class: "home" }, ...shown);
}
