// Where there is little room one pane is shown at a time, chosen by tabs; and what the tour points at.

export class Tabs {
  /** @param {HTMLElement} bar */
  constructor(bar) {
    this.tabs = /** @type {HTMLElement[]} */ ([...bar.children]);
    this.tabs.forEach((tab, index) => {
      tab.addEventListener("click", () => this.open(this.pane(tab).id));
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        const next = this.tabs[(index + step + this.tabs.length) % this.tabs.length];
        this.open(this.pane(next).id);
        next.focus();
      });
    });
    this.open("telegram");
  }

  /** @param {HTMLElement} tab @returns {HTMLElement} */
  pane(tab) {
    return /** @type {HTMLElement} */ (document.getElementById(tab.getAttribute("aria-controls") ?? ""));
  }

  /** @param {string} id of a pane */
  open(id) {
    for (const tab of this.tabs) {
      const chosen = this.pane(tab).id === id;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      this.pane(tab).classList.toggle("shown", chosen);
      if (!chosen) continue;
      tab.classList.remove("news");
      for (const log of this.pane(tab).querySelectorAll("[role=log]")) log.scrollTop = log.scrollHeight;
    }
  }

  /** Something happened in a pane that may be out of sight. @param {string} id */
  news(id) {
    for (const tab of this.tabs) {
      if (this.pane(tab).id === id && tab.getAttribute("aria-selected") !== "true") tab.classList.add("news");
    }
  }

  /** @param {string | null} id of the pane of the next step */
  point(id) {
    for (const tab of this.tabs) {
      for (const each of [tab, this.pane(tab)]) each.classList.toggle("next", this.pane(tab).id === id);
    }
  }
}
