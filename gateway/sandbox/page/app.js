// Puts the panes, the tour and the live connection together.

import { Desk } from "./desk.js";
import { find } from "./dom.js";
import { MailProgram } from "./mail.js";
import { Phone } from "./phone.js";
import { listen } from "./server.js";
import { Shop } from "./shop.js";
import { Tabs } from "./tabs.js";
import { Tour } from "./tour.js";

const pane = (id) => find(document, `#${id}`);
const tabs = new Tabs(find(document, ".tabs"));
const phone = new Phone(pane("telegram"), () => tabs.news("telegram"));
const mail = new MailProgram(pane("mail"), () => tabs.news("mail"));
const desk = new Desk(pane("slack"), () => tabs.news("slack"));
const shop = new Shop(pane("shop"));

const tour = new Tour(pane("tour"), {
  point: (id) => tabs.point(id),
  help: (step) => {
    tabs.open(step.pane);
    if (step.id === "telegram.ask") phone.composer.fill(step.example);
    else if (step.id === "email.ask") mail.write(undefined, "Refund for order 1077", step.example);
    else if (step.id === "webchat.ask" || step.id === "webchat.arrive") shop.open();
    else if (step.thread) visit(step.thread, step.example);
  },
  moved: (step) => {
    if (step.id.endsWith("answer") && step.thread && desk.idle) desk.go(step.thread.channel, step.thread.ts, false);
  },
});

/** @param {{channel: string, ts: string}} thread @param {string} [answer] */
function visit(thread, answer) {
  desk.go(thread.channel, thread.ts);
  if (answer) desk.composer.fill(answer);
}

listen({
  telegram: (view) => phone.show(view),
  mail: (view) => mail.show(view),
  slack: (view) => desk.show(view),
  tour: (view) => tour.show(view),
});
