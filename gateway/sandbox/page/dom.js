// Making elements. Whatever is shown goes in as text nodes, never as HTML.

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * @param {string} tag
 * @param {Record<string, any>} [props] attributes; functions become listeners, false and null are left out
 * @param {...Child} children
 * @returns {any}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** @param {string} name of a symbol in the page @returns {SVGElement} */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/**
 * Bring a list to what it should show; items that did not change keep their element.
 * @template T
 * @param {HTMLElement} list
 * @param {T[]} items
 * @param {(item: T) => string} key
 * @param {(item: T) => HTMLElement} make
 */
export function sync(list, items, key, make) {
  /** @type {Map<string, {data: string, element: HTMLElement}>} */
  const before = shown.get(list) ?? new Map();
  const after = new Map();
  for (const item of items) {
    const data = JSON.stringify(item);
    const old = before.get(key(item));
    after.set(key(item), old?.data === data ? old : { data, element: make(item) });
  }
  shown.set(list, after);
  const elements = [...after.values()].map(({ element }) => element);
  for (const child of [...list.children]) if (!elements.includes(/** @type {HTMLElement} */ (child))) child.remove();
  elements.forEach((element, index) => {
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
  });
}

/** @type {WeakMap<HTMLElement, Map<string, {data: string, element: HTMLElement}>>} */
const shown = new WeakMap();

/** Do something that makes a list longer, and stay at its end if one was there. @param {HTMLElement} list @param {() => void} change */
export function following(list, change) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  change();
  if (!atEnd) return;
  const end = () => (list.scrollTop = list.scrollHeight);
  end();
  for (const image of list.querySelectorAll("img")) if (!image.complete) image.addEventListener("load", end, { once: true });
}

/** @param {ParentNode} parent @param {string} selector @returns {any} */
export function find(parent, selector) {
  const found = parent.querySelector(selector);
  if (!found) throw new Error(`there is no ${selector}`);
  return found;
}
