// The Slack desk: channels, their conversations, one thread, and the agent who answers in it.

import { actions } from "./actions.js";
import { content } from "./blocks.js";
import { Composer } from "./composer.js";
import { find, following, h, icon, sync } from "./dom.js";
import { QUICK, char } from "./emoji.js";
import { shown } from "./files.js";
import { Modal } from "./modal.js";
import { HOME, home } from "./home.js";
import { act } from "./server.js";
import { moment, plural, time } from "./words.js";

const COMMAND = /^\s*\/onevoice\b\s*/i;
const ASKED = /^\s*@onevoice\b/i;
const NOTE = /^\s*(\/\/|note:|🔒)/i;

export class Desk {
  /** @param {HTMLElement} pane @param {() => void} news called when a customer has written */
  constructor(pane, news) {
    this.news = news;
    this.who = find(pane, ".me select");
    this.face = find(pane, ".me .avatar");
    this.channels = find(pane, ".channels");
    this.back = find(pane, ".back");
    this.title = find(pane, ".place h3");
    this.about = find(pane, ".place small");
    this.posts = find(pane, ".posts");
    this.form = find(pane, ".composer");
    this.box = find(pane, ".box");
    this.hint = find(pane, ".hint");
    this.view = null;
    this.channel = "";
    this.thread = "";
    this.editing = "";
    this.latest = "";
    this.count = -1;
    /** @type {Map<string, string>} the newest post seen of each thread */
    this.seen = new Map();
    this.composer = new Composer(this.form, {
      send: (text, files) => this.say(text, files),
      changed: (text) => this.view && this.advise(text),
    });
    this.modal = new Modal(pane, () => this.user);
    this.who.addEventListener("change", () => this.go(this.channel, this.thread, false));
    this.back.addEventListener("click", () => this.go(this.channel));
  }

  get user() {
    return this.who.value;
  }

  get me() {
    return this.view.people.find(({ name }) => name === this.user);
  }

  /** @param {any} view */
  show(view) {
    this.view = view;
    if (!this.who.options.length) {
      const label = (person) => (person.agent ? person.label : `${person.label} (no agent)`);
      this.who.append(...view.people.map((person) => h("option", { value: person.name }, label(person))));
    }
    const roots = view.channels.filter(({ asked }) => !asked).flatMap((channel) => channel.roots.map((root) => ({ channel: channel.id, root })));
    const count = roots.reduce((sum, { root }) => sum + 1 + root.replies.filter(({ bot }) => bot).length, 0);
    if (this.count >= 0 && count > this.count) this.news();
    this.count = count;
    const last = roots.sort((a, b) => Number(b.root.ts) - Number(a.root.ts))[0];
    this.channel ||= view.channels[0].id;
    if (last && last.root.ts !== this.latest) {
      this.latest = last.root.ts;
      const asking = view.channels.find(({ id }) => id === this.channel)?.asked; // whoever asks stays with the question
      if (!this.thread && this.idle && !asking && this.channel !== HOME) this.channel = last.channel; // somebody new: look there
    }
    this.paint();
  }

  /** Nobody is in the middle of something here. */
  get idle() {
    return this.composer.empty && !this.editing;
  }

  /** @param {string} text @param {string[]} files */
  say(text, files) {
    const at = { user: this.user, channel: this.channel, thread: this.thread };
    if (COMMAND.test(text)) return act("slack/command", { ...at, text: text.replace(COMMAND, "") });
    return act("slack/post", { ...at, text, files });
  }

  /** @param {string} channel @param {string} [thread] @param {boolean} [typing] whether to go on with the keyboard */
  go(channel, thread = "", typing = true) {
    if (thread !== this.thread || channel !== this.channel) this.composer.clear();
    if (channel === HOME) act("slack/home", { user: this.user });
    this.channel = channel;
    this.thread = thread;
    this.editing = "";
    this.paint();
    this.posts.scrollTop = this.posts.scrollHeight;
    this.composer.fit();
    if (thread && typing && matchMedia("(pointer: fine)").matches) this.composer.text.focus({ preventScroll: true });
  }

  paint() {
    const channel = this.channel === HOME ? { roots: [] } : this.open();
    let root = channel.roots.find(({ ts }) => ts === this.thread);
    if (!root) this.thread = "";
    if (root) this.seen.set(root.ts, newest(root));
    const me = this.view.people.indexOf(this.me);
    this.face.className = `avatar c${me}`;
    this.face.textContent = initials(this.me.label);
    const rows = [...this.view.channels.filter(({ direct }) => !direct || direct === this.me.id).map((each) => this.row(each)), { id: HOME, name: "Home", unread: 0, open: this.channel === HOME }];
    sync(this.channels, rows, ({ id }) => id, (row) => this.entry(row));
    this.back.hidden = !root;
    this.title.textContent = this.channel === HOME ? "Onevoice" : root ? "Thread" : named(channel);
    this.about.textContent = this.channel === HOME ? "Home" : root ? named(channel) : plural(channel.roots.length, channel.asked ? "post" : "conversation");
    this.form.hidden = this.channel === HOME;
    this.composer.text.placeholder = root ? "Reply…" : "/onevoice help";
    following(this.posts, () => {
      const items = this.channel === HOME ? this.atHome() : root ? this.inThread(root) : this.inChannel(channel);
      sync(this.posts, items, ({ key }) => `${this.channel} ${this.thread} ${key}`, (item) => this.item(item));
    });
    this.advise(this.composer.text.value);
    this.modal.show(this.view.modals[this.me.id], this.view.names);
  }

  /** The open channel; another one's direct messages are closed when somebody else sits down. */
  open() {
    const found = this.view.channels.find(({ id, direct }) => id === this.channel && (!direct || direct === this.me.id));
    if (!found) this.channel = this.view.channels[0].id;
    return found ?? this.view.channels[0];
  }

  /** @param {any} channel */
  row(channel) {
    const unread = channel.asked ? 0 : channel.roots.filter((root) => (this.seen.get(root.ts) ?? "") < newest(root)).length;
    return { id: channel.id, name: named(channel), unread, open: channel.id === this.channel };
  }

  /** @param {any} row */
  entry({ id, name, unread, open }) {
    return h(
      "li",
      { class: `${unread ? "unread" : ""} ${open ? "open" : ""}` },
      h("button", { type: "button", "aria-current": open ? "page" : null, click: () => this.go(id) }, name, h("b", {}, unread ? String(unread) : "")),
    );
  }

  /** @param {any} channel @returns {any[]} */
  inChannel(channel) {
    const items = channel.roots.map(({ replies, whispers, ...post }) => ({
      key: post.ts,
      post,
      place: "channel",
      me: this.user,
      replies: replies.length,
      last: replies.at(-1)?.ts,
      unread: !channel.asked && (this.seen.get(post.ts) ?? "") < newest({ ...post, replies }),
    }));
    const mine = (channel.whispers ?? [])
      .filter((each) => each.only_for === this.me.id)
      .map((each) => ({ key: each.ts, post: each, place: "aside", me: this.user, whisper: true }));
    const all = [...items, ...mine].sort((a, b) => Number(a.key) - Number(b.key));
    return all.length ? all : [{ key: "empty", empty: "No conversation here yet. Customers who write open one, each in a thread of its own." }];
  }

  /** @returns {any[]} */
  atHome() {
    const shown = this.view.homes[this.me.id];
    return [shown ? { key: shown.hash, home: shown } : { key: "empty", empty: "The app has not shown anything here yet." }];
  }

  /** @param {any} root @returns {any[]} */
  inThread({ replies, whispers, ...post }) {
    const item = (each, place) => ({ key: each.ts, post: each, place, me: this.user, editing: this.editing === each.ts });
    const mine = whispers.filter((each) => each.only_for === this.me.id).map((each) => ({ ...item(each, "reply"), whisper: true }));
    return [
      item(post, "root"),
      { key: "count", count: plural(replies.length, "reply", "replies") },
      ...[...replies.map((reply) => item(reply, "reply")), ...mine].sort((a, b) => Number(a.key) - Number(b.key)),
    ];
  }

  /** @param {any} item */
  item(item) {
    if (item.empty) return h("li", { class: "empty" }, item.empty);
    if (item.home) return home(item.home, this.view.names, (action) => act("slack/press_home", { user: this.user, action }));
    if (item.count) return h("li", { class: "count" }, item.count);
    const { post, place } = item;
    const note = !post.bot && place === "reply" && NOTE.test(post.text);
    const card = post.bot && place !== "reply" && place !== "aside" ? "card" : "";
    const inside = item.editing ? [this.editor(post)] : content(post, this.view.names);
    return h(
      "li",
      { class: `post ${note ? "note" : ""} ${post.bot && place === "reply" ? "customer" : ""}` },
      this.avatar(post),
      h(
        "div",
        { class: "content" },
        h(
          "div",
          { class: "by" },
          h("b", {}, this.view.names[post.user] ?? post.user),
          post.bot && h("i", {}, "APP"),
          h("time", { title: moment(Number(post.ts) * 1000) }, time(Number(post.ts) * 1000)),
          post.edited && h("time", {}, "(edited)"),
          note && h("span", { class: "tag" }, icon("lock"), "internal note"),
        ),
        item.whisper && h("small", { class: "whisper" }, "Only visible to you"),
        h("div", { class: card }, ...inside, ...this.buttons(post)),
        post.files.length > 0 && h("div", { class: "files" }, ...post.files.map(shown)),
        post.reactions.length > 0 && h("div", { class: "reactions" }, ...post.reactions.map((each) => this.reaction(post, each))),
        place === "channel" &&
          h(
            "button",
            { type: "button", class: item.unread ? "replies unread" : "replies", click: () => this.go(this.channel, post.ts) },
            icon("thread"),
            item.replies ? plural(item.replies, "reply", "replies") : "Open the thread",
            item.last && h("span", {}, `last ${time(Number(item.last) * 1000)}`),
          ),
      ),
      place !== "aside" && !item.whisper && this.tools(post, place),
    );
  }

  /** @param {any} post */
  buttons(post) {
    return actions(post.blocks, (action, value) => act("slack/press", { user: this.user, channel: this.channel, ts: post.ts, action, value }));
  }

  /** @param {any} post */
  avatar(post) {
    if (post.bot) return h("span", { class: "avatar" }, h("img", { src: "/sandbox/page/mark.svg", alt: "" }));
    const index = this.view.people.findIndex(({ id }) => id === post.user);
    return h("span", { class: `avatar c${index}` }, initials(this.view.names[post.user] ?? "?"));
  }

  /** @param {any} post @param {any} reaction */
  reaction(post, { name, users }) {
    const own = users.includes(this.me.id);
    const who = users.map((id) => this.view.names[id] ?? id).join(", ");
    const click = () => act("slack/react", { user: this.user, channel: this.channel, ts: post.ts, name, added: !own });
    return h("button", { type: "button", class: own ? "own" : "", title: `${who}: :${name}:`, "aria-label": `${name}, ${users.length}`, click }, char(name), h("span", {}, String(users.length)));
  }

  /** @param {any} post @param {string} place */
  tools(post, place) {
    const tool = (label, click, ...inside) => h("button", { type: "button", "aria-label": label, title: label, click }, ...inside);
    const at = { user: this.user, channel: this.channel, ts: post.ts };
    const react = (name) => tool(`React with ${name}`, () => act("slack/react", { ...at, name, added: true }), char(name));
    const own = post.user === this.me.id;
    return h(
      "div",
      { class: "tools" },
      ...QUICK.map(react),
      place === "channel" && tool("Reply in thread", () => this.go(this.channel, post.ts), icon("thread")),
      place !== "channel" && tool("Onevoice actions", () => act("slack/shortcut", { ...at, name: "onevoice_actions" }), "⋯"),
      post.bot && place === "reply" && tool("Show the whole message", () => act("slack/shortcut", { ...at, name: "onevoice_show" }), "¶"),
      own && place === "reply" && tool("Edit", () => this.edit(post.ts), icon("pen")),
      own && place === "reply" && tool("Delete", () => act("slack/delete", at), icon("bin")),
    );
  }

  /** @param {string} ts */
  edit(ts) {
    this.editing = ts;
    this.paint();
    this.posts.querySelector(".edit textarea")?.focus();
  }

  /** @param {any} post */
  editor(post) {
    const done = () => this.edit("");
    const save = async () => {
      const body = { user: this.user, channel: this.channel, ts: post.ts, text: words.value };
      if (await act("slack/edit", body)) done();
    };
    const keys = (event) => {
      if (event.key === "Escape") done();
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        save();
      }
    };
    const words = h("textarea", { rows: 2, "aria-label": "Edit the message", keydown: keys });
    words.value = post.text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
    return h(
      "div",
      { class: "edit" },
      words,
      h("div", {}, h("button", { type: "button", class: "strong", click: save }, "Save"), h("button", { type: "button", click: done }, "Cancel")),
    );
  }

  /** Who will read what is being written. @param {string} text */
  advise(text) {
    const note = NOTE.test(text);
    this.box.classList.toggle("note", note);
    this.box.classList.toggle("mute", !this.me.agent);
    const command = COMMAND.test(text);
    const asked = this.view.channels.find(({ id }) => id === this.channel)?.asked;
    if (asked && !command) this.hint.replaceChildren("A question of a colleague: it goes to the desk.");
    else if (command && this.thread) this.hint.replaceChildren("Slack has no commands in threads: write @onevoice and what to do.");
    else if (command) this.hint.replaceChildren("Onevoice answers you alone.");
    else if (!this.thread) this.hint.replaceChildren("A post in the channel. ", h("kbd", {}, "/onevoice"), " asks Onevoice.");
    else if (!this.me.agent) this.hint.replaceChildren(`${this.me.label} is no agent: nothing written here reaches the customer.`);
    else if (ASKED.test(text)) this.hint.replaceChildren("Asks Onevoice: the customer never reads it.");
    else if (note) this.hint.replaceChildren("Internal note: only Slack sees it.");
    else this.hint.replaceChildren("Goes to the customer. ", h("kbd", {}, "//"), " makes it a note.");
  }
}

/** @param {any} channel */
const named = (channel) => (channel.direct ? "Direct message" : `# ${channel.name}`);

/** @param {any} root */
const newest = (root) => root.replies.filter(({ bot }) => bot).at(-1)?.ts ?? root.ts;

/** @param {string} name */
const initials = (name) => name.split(" ").map((word) => word[0]).slice(0, 2).join("");
