// The mail program: folders, a list, a mail, and writing one.

import { find, h, icon, sync } from "./dom.js";
import { Chosen, shown } from "./files.js";
import { act } from "./server.js";
import { moment, time } from "./words.js";

const QUOTED = /^On .+ wrote:$/m;

export class MailProgram {
  /** @param {HTMLElement} pane @param {() => void} news called when the shop has written */
  constructor(pane, news) {
    this.news = news;
    this.who = find(pane, ".who");
    this.body = find(pane, ".body");
    this.list = find(pane, ".list");
    this.mail = find(pane, "article");
    this.form = find(pane, ".compose");
    this.count = find(pane, "[data-folder=inbox] b");
    this.folders = [...pane.querySelectorAll("[data-folder]")];
    this.view = null;
    this.folder = "inbox";
    this.open = "";
    this.answered = null;
    this.heard = -1;
    /** @type {Set<string>} */
    this.seen = new Set();
    this.files = new Chosen(this.form, () => this.check());
    for (const tab of this.folders) tab.addEventListener("click", () => this.go(tab.dataset.folder));
    this.who.addEventListener("change", () => this.go("inbox"));
    find(pane, ".write").addEventListener("click", () => this.write());
    find(this.form, ".drop").addEventListener("click", () => this.go(this.folder));
    this.form.addEventListener("input", () => this.check());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.form.addEventListener("keydown", (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && this.send());
  }

  get account() {
    return this.view.accounts.find(({ address }) => address === this.who.value);
  }

  /** @param {any} view */
  show(view) {
    this.view = view;
    if (!this.who.options.length) {
      this.who.append(...view.accounts.map(({ address, name }) => h("option", { value: address }, `${name} <${address}>`)));
    }
    const heard = view.accounts.reduce((sum, { inbox }) => sum + inbox.length, 0);
    if (this.heard >= 0 && heard > this.heard) this.news();
    this.heard = heard;
    this.paint();
  }

  paint() {
    const unread = this.account.inbox.filter((mail) => !this.seen.has(this.mark(mail))).length;
    this.count.textContent = unread ? String(unread) : "";
    for (const tab of this.folders) tab.setAttribute("aria-selected", String(tab.dataset.folder === this.folder));
    const rows = [...this.account[this.folder]].reverse().map((mail) => ({
      mail,
      unread: this.folder === "inbox" && !this.seen.has(this.mark(mail)),
      open: this.open === mail.id,
    }));
    const empty = [{ empty: this.folder === "inbox" ? "No mail yet. Write to the shop; its answers come here." : "Nothing sent yet." }];
    sync(this.list, rows.length ? rows : empty, (row) => `${this.who.value} ${row.mail?.id ?? this.folder}`, (row) => this.row(row));
    this.body.classList.toggle("reading", !this.mail.hidden || !this.form.hidden);
  }

  /** @param {any} row */
  row({ mail, unread, open, empty }) {
    if (empty) return h("li", { class: "empty" }, empty);
    const who = this.folder === "inbox" ? mail.from.replace(/\s*<.*/, "").replaceAll('"', "") : `To ${mail.to}`;
    return h(
      "li",
      { class: `${unread ? "unread" : ""} ${open ? "open" : ""}` },
      h("button", { type: "button", click: () => this.read(mail) }, h("b", {}, who || mail.from), h("time", {}, time(mail.at)), h("span", {}, `${mail.subject || "(no subject)"} — ${mail.text}`)),
    );
  }

  /** @param {any} mail */
  mark(mail) {
    return `${this.who.value} ${mail.id}`;
  }

  /** @param {string} folder */
  go(folder) {
    this.folder = folder;
    this.open = "";
    this.mail.hidden = this.form.hidden = true;
    this.paint();
  }

  /** @param {any} mail */
  read(mail) {
    this.seen.add(this.mark(mail));
    this.open = mail.id;
    this.form.hidden = true;
    this.mail.hidden = false;
    const found = QUOTED.exec(mail.text);
    const text = found ? mail.text.slice(0, found.index).trimEnd() : mail.text;
    const parts = [
      h(
        "header",
        {},
        h("button", { type: "button", class: "icon shut", "aria-label": "Back to the list", click: () => this.go(this.folder) }, icon("back")),
        h("div", {}, h("h3", {}, mail.subject || "(no subject)"), h("small", { title: moment(mail.at) }, `${mail.from} · ${time(mail.at)}`)),
        this.folder === "inbox" && h("button", { type: "button", class: "answer", click: () => this.write(mail) }, icon("reply"), "Reply"),
      ),
      h("div", { class: "text" }, text),
      found === null ? null : h("details", {}, h("summary", {}, "Quoted text"), h("div", { class: "quoted" }, mail.text.slice(found.index))),
      h("div", { class: "files" }, ...mail.files.map(shown)),
    ];
    this.mail.replaceChildren(...parts.filter((part) => part !== null));
    this.paint();
    this.mail.scrollTop = 0;
  }

  /** @param {any} [mail] the one that is answered @param {string} [subject] @param {string} [text] */
  write(mail, subject = "", text = "") {
    this.answered = mail ?? null;
    const { subject: line, text: words } = this.form.elements;
    if (mail) subject = /^re:/i.test(mail.subject) ? mail.subject : `Re: ${mail.subject}`;
    find(this.form, "output").textContent = mail ? mail.from : this.view.shop;
    line.value = subject;
    line.readOnly = Boolean(mail);
    words.value = text;
    this.files.clear();
    this.mail.hidden = true;
    this.form.hidden = false;
    this.paint();
    (mail || subject ? words : line).focus();
  }

  check() {
    const { subject, text } = this.form.elements;
    find(this.form, ".send").disabled = !this.files.ready || !(subject.value.trim() || text.value.trim() || this.files.ids.length);
  }

  async send() {
    const { subject, text } = this.form.elements;
    const letter = { account: this.who.value, text: text.value, files: this.files.ids };
    const done = this.answered
      ? await act("mail/reply", { ...letter, mail: this.answered.number })
      : await act("mail/write", { ...letter, subject: subject.value });
    if (done) this.go("sent");
  }
}
