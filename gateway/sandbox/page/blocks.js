// Slack's blocks as nodes.

import { h } from "./dom.js";
import { char } from "./emoji.js";
import { ago, day, time } from "./words.js";

/** @typedef {Record<string, any>} Json */

/** @param {Json} post @param {Record<string, string>} names of people by id @returns {Node[]} */
export function content(post, names) {
  if (!post.blocks.length) return post.text ? [h("p", {}, ...wire(post.text, names))] : [];
  return post.blocks.flatMap((block) => shown(block, names));
}

/** @param {Json} block @param {Record<string, string>} names @returns {Node[]} */
function shown(block, names) {
  switch (block.type) {
    case "rich_text":
      return block.elements.map((element) => rich(element, names));
    case "context":
      return [h("div", { class: "context" }, ...block.elements.map((each) => each.text ?? "").join(" · "))];
    case "header":
      return [h("h4", {}, block.text.text)];
    case "section":
      return block.text ? [h("p", {}, ...wire(block.text.text, names))] : [];
    default:
      return [];
  }
}

/** @param {Json} element @param {Record<string, string>} names @returns {Node} */
function rich(element, names) {
  switch (element.type) {
    case "rich_text_preformatted":
      return h("pre", {}, ...inlines(element.elements, names));
    case "rich_text_quote":
      return h("blockquote", {}, ...inlines(element.elements, names));
    case "rich_text_list":
      return h(element.style === "ordered" ? "ol" : "ul", {}, ...element.elements.map((row) => h("li", {}, ...inlines(row.elements, names))));
    default:
      return h("p", {}, ...inlines(element.elements, names));
  }
}

/** @param {Json[]} elements @param {Record<string, string>} names @returns {(Node | string)[]} */
function inlines(elements, names) {
  return elements.map((element) => {
    let node = inline(element, names);
    const style = element.style ?? {};
    if (style.code) node = h("code", {}, node);
    if (style.bold) node = h("b", {}, node);
    if (style.italic) node = h("i", {}, node);
    if (style.strike) node = h("s", {}, node);
    return node;
  });
}

/** @param {Json} element @param {Record<string, string>} names @returns {Node | string} */
function inline(element, names) {
  switch (element.type) {
    case "text":
      return element.text;
    case "emoji":
      return element.unicode ? String.fromCodePoint(...element.unicode.split("-").map((code) => parseInt(code, 16))) : char(element.name);
    case "date":
      return h("time", { title: element.fallback }, dated(element.timestamp * 1000, element.format));
    case "link":
      return link(element.url, element.text || element.url);
    case "user":
      return h("b", {}, `@${names[element.user_id] ?? "somebody"}`);
    default:
      return element.text ?? element.fallback ?? "";
  }
}

/** Slack's date tokens that are used here. @param {number} at @param {string} format */
function dated(at, format) {
  return format.replace("{date_short_pretty}", day(at)).replace("{time}", time(at)).replace("{ago}", ago(at));
}

/** @param {string} url @param {string} text */
function link(url, text) {
  if (!/^(https?:|mailto:|tel:)/i.test(url)) return text;
  return h("a", { href: url, rel: "noopener noreferrer nofollow", target: "_blank" }, text);
}

/** A wire text: <url|text>, <@user>, :emoji:, and three escaped characters. @param {string} text @param {Record<string, string>} names */
function wire(text, names) {
  return text.split(/(<[^<>]+>|:[a-z0-9_+-]+:)/).map((part) => {
    if (part.length > 2 && part.startsWith(":") && part.endsWith(":")) return char(part.slice(1, -1));
    if (!part.startsWith("<")) return plain(part);
    const [target, label] = plain(part.slice(1, -1)).split("|");
    if (target.startsWith("@")) return h("b", {}, `@${names[target.slice(1)] ?? "somebody"}`);
    return link(target, label ?? target);
  });
}

/** @param {string} text */
const plain = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
