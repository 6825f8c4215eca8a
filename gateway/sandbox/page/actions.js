// The buttons and menus of a post, as Block Kit describes them.

import { h } from "./dom.js";

/** @typedef {Record<string, any>} Json */

/**
 * @param {Json[]} blocks
 * @param {(action: string, value?: string) => void} press
 * @returns {HTMLElement[]}
 */
export function actions(blocks, press) {
  return blocks.filter(({ type }) => type === "actions").map(({ elements }) => h("div", { class: "actions" }, ...elements.map((each) => element(each, press))));
}

/** @param {Json} each @param {(action: string, value?: string) => void} press */
function element(each, press) {
  if (each.type === "button") {
    const kind = each.style === "primary" ? "strong" : "";
    return h("button", { type: "button", class: kind, click: () => press(each.action_id) }, each.text.text);
  }
  const menu = h(
    "select",
    { "aria-label": each.placeholder.text },
    h("option", { value: "" }, each.placeholder.text),
    ...each.options.map((option) => h("option", { value: option.value }, option.text.text)),
  );
  menu.addEventListener("change", () => {
    const value = menu.value;
    menu.value = "";
    if (value) press(each.action_id, value);
  });
  return menu;
}
