// A Telegram text with its entities (offsets in UTF-16 units, as JavaScript counts) as nodes.

import { h } from "./dom.js";

/** @typedef {{type: string, offset: number, length: number, url?: string}} Entity */

const TAGS = { bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote", expandable_blockquote: "blockquote" };

/**
 * @param {string} text @param {Entity[]} entities @returns {(Node | string)[]}
 */
export function nodes(text, entities) {
  const sorted = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  return between(text, 0, text.length, sorted);
}

/** @param {string} text @param {number} start @param {number} end @param {Entity[]} entities */
function between(text, start, end, entities) {
  const made = [];
  let at = start;
  while (entities.length && entities[0].offset < end) {
    const entity = /** @type {Entity} */ (entities.shift());
    if (entity.offset > at) made.push(text.slice(at, entity.offset));
    at = Math.min(entity.offset + entity.length, end);
    made.push(wrapped(entity, text.slice(entity.offset, at), between(text, entity.offset, at, entities)));
  }
  if (at < end) made.push(text.slice(at, end));
  return made;
}

/** @param {Entity} entity @param {string} text @param {(Node | string)[]} inner */
function wrapped(entity, text, inner) {
  if (entity.type === "text_link" || entity.type === "url") {
    const href = entity.url ?? text;
    if (/^https?:\/\//i.test(href)) return h("a", { href, rel: "noopener noreferrer nofollow", target: "_blank" }, ...inner);
  }
  if (entity.type === "spoiler") return h("span", { class: "spoiler" }, ...inner);
  return h(TAGS[entity.type] ?? "span", {}, ...inner);
}
