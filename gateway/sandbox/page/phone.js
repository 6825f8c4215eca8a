// The Telegram phone.

import { Composer } from "./composer.js";
import { find, following, h, icon, sync } from "./dom.js";
import { nodes } from "./entities.js";
import { shown } from "./files.js";
import { act } from "./server.js";
import { moment, time } from "./words.js";

export class Phone {
  /** @param {HTMLElement} pane @param {() => void} news called when the shop has written */
  constructor(pane, news) {
    this.pane = pane;
    this.news = news;
    this.list = find(pane, ".chat");
    this.who = find(pane, ".who");
    this.heard = -1;
    this.view = { people: [] };
    this.editing = 0;
    this.edited = find(pane, ".edited");
    this.composer = new Composer(find(pane, ".composer"), { send: (text, files) => this.send(text, files) });
    this.who.addEventListener("change", () => this.edit(null));
    find(this.edited, "button").addEventListener("click", () => this.edit(null));
    const clock = find(pane, ".clock");
    const tick = () => (clock.textContent = time(Date.now()));
    tick();
    window.setInterval(tick, 10_000);
  }

  get person() {
    return this.who.value;
  }

  /** @param {string} text @param {string[]} files @returns {Promise<boolean>} */
  async send(text, files) {
    if (!this.editing) return act("telegram/say", { person: this.person, text, files });
    const done = await act("telegram/edit", { person: this.person, message: this.editing, text });
    if (done) this.edit(null);
    return done;
  }

  /** Reword a message of one's own. @param {any} message null for none */
  edit(message) {
    this.editing = message?.id ?? 0;
    this.edited.hidden = !message;
    this.composer.clear();
    if (message) this.composer.fill(message.text);
    this.show(this.view);
  }

  /** @param {any} view */
  show(view) {
    this.view = view;
    if (!this.who.options.length) this.who.append(...view.people.map(({ name }) => h("option", {}, name)));
    const chat = view.people.find(({ name }) => name === this.person);
    following(this.list, () => {
      const empty = [{ id: "empty", text: `Nothing yet. ${chat.name}, say hello to the shop.` }];
      sync(this.list, chat.messages.length ? chat.messages : empty, (each) => `${chat.name} ${each.id}`, (each) => this.bubble(each));
    });
    const heard = view.people.flatMap(({ messages }) => messages).filter(({ mine }) => !mine).length;
    if (this.heard >= 0 && heard > this.heard) this.news();
    this.heard = heard;
  }

  /** @param {any} message */
  bubble(message) {
    if (message.id === "empty") return h("li", { class: "empty" }, message.text);
    if (message.deleted) return h("li", { class: message.mine ? "mine gone" : "gone" }, "This message was deleted.");
    const edit = { type: "button", class: "icon", "aria-label": "Edit the message", title: "Edit", click: () => this.edit(message) };
    return h(
      "li",
      { class: message.mine ? "mine" : "theirs" },
      message.replied && h("div", { class: "replied" }, message.replied),
      message.file && shown(message.file),
      h(
        "div",
        { class: "said" },
        ...nodes(message.text, message.entities),
        h("time", { title: moment(message.at) }, message.edited ? `edited ${time(message.at)}` : time(message.at)),
      ),
      message.mine && message.text !== "" && h("button", edit, icon("pen")),
    );
  }
}
