// The stored rich-text form as DOM nodes. Text only ever becomes a text node: no markup is parsed here (W10).

const BOLD = 1, ITALIC = 2, STRIKE = 4, CODE = 8;

/** @typedef {string | number | null | Json[]} Json */

/**
 * A link a visitor may follow, or null.
 * @param {unknown} address
 * @returns {URL | null}
 */
export function safeLink(address) {
  if (typeof address !== "string") return null;
  try {
    const url = new URL(address);
    return ["https:", "http:", "mailto:"].includes(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

/**
 * @param {string} address
 * @returns {HTMLAnchorElement}
 */
export function anchor(address) {
  const link = document.createElement("a");
  link.href = address;
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
  return link;
}

/**
 * @param {Json[]} blocks
 * @returns {DocumentFragment}
 */
export function render(blocks) {
  const fragment = document.createDocumentFragment();
  for (const block of blocks) fragment.append(renderBlock(block));
  return fragment;
}

/**
 * @param {Json} block
 * @returns {Node}
 */
function renderBlock(block) {
  if (!Array.isArray(block)) return element("p", [document.createTextNode(String(block ?? ""))]);
  const [kind, ...rest] = block;
  switch (kind) {
    case "p":
      return element("p", rest.map(renderInline));
    case "pre":
      return element("pre", [document.createTextNode(String(rest[0]))]);
    case "quote":
      return element("blockquote", rest.map(renderBlock));
    case "ul":
    case "ol": {
      const items = rest.filter(Array.isArray).map((item) => element("li", item.map(renderBlock)));
      const list = element(kind, items);
      if (typeof rest[0] === "number") list.setAttribute("start", String(rest[0]));
      return list;
    }
  }
  return document.createTextNode("");
}

/**
 * @param {Json} inline
 * @returns {Node}
 */
function renderInline(inline) {
  if (!Array.isArray(inline)) return document.createTextNode(String(inline ?? ""));
  const [kind, first, second, third] = inline;
  switch (kind) {
    case "s":
      return renderSpan(String(first), Number(second), third);
    case "br":
      return document.createElement("br");
    case "@":
      return document.createTextNode(`@${first}`);
    case "e":
      return document.createTextNode(String(first));
    case "f":
      return document.createTextNode(`[${second}]`);
  }
  return document.createTextNode("");
}

/**
 * @param {string} text
 * @param {number} style
 * @param {unknown} address
 * @returns {Node}
 */
function renderSpan(text, style, address) {
  /** @type {Node} */
  let node = document.createTextNode(text);
  if (style & CODE) node = element("code", [node]);
  if (style & STRIKE) node = element("s", [node]);
  if (style & ITALIC) node = element("em", [node]);
  if (style & BOLD) node = element("strong", [node]);
  const url = safeLink(address);
  if (url) {
    const link = anchor(url.href);
    link.title = url.href;
    link.append(node);
    return link;
  }
  return node;
}

/**
 * @param {string} name
 * @param {Node[]} children
 * @returns {HTMLElement}
 */
function element(name, children) {
  const node = document.createElement(name);
  node.append(...children);
  return node;
}
