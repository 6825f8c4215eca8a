"""Canned replies as agents use them: look for one, look at it, send it. It leaves like any other reply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from router.answering import reply, unposted
from router.asked import Answer, Asked, answered, refused
from router.canned_replies import FIELDS, CannedReply, Filled, filled, looked_for, values_of
from router.decision import Decision, Snapshot
from router.handing import taken_by_answer
from router.languages import tag_of
from router.model import CardButton, Visibility
from router.private import told_alone
from router.richtext import Break, Inline, Paragraph, Quote, RichText, Span, Style, of_text, plain
from router.standard_messages import wanted_tags

SEND = "send-canned"
SHOWN = 5
"""Replies that a list shows, with a button each."""
LINE = 120
"""Characters of a text in a list."""
_PARTED = ":"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """A canned reply as an agent asks for it: in this language, filled. `given` are the fields they said themselves."""

    reply: CannedReply
    tag: str
    filled: Filled
    given: Mapping[str, str]

    @property
    def line(self) -> str:
        """What sends exactly these words."""
        given = "".join(f" {name}={value}" for name, value in self.given.items())
        return f"{SEND} {self.reply.id}{_PARTED}{self.tag}{_PARTED}{self.filled.digest}{given}"


def replies(asked: Asked) -> Decision:
    """ "replies refund": those that hold these words, best first; without words those about this conversation first."""
    words = asked.verb.rest.strip()
    found = looked_for(asked.rules.replies, words, asked.conversation.topic, _tags(asked))
    if not found:
        return told_alone(asked, f"No canned reply has {words!r}." if words else "There are no canned replies.")
    children: list[Inline] = []
    for each in found[:SHOWN]:
        text = " ".join(each.texts[each.in_language(_tags(asked))].split())
        text = text if len(text) <= LINE else f"{text[: LINE - 1]}…"
        children += [Span(each.id, Style.CODE), Span(f" {each.title}: {text}"), Break()]
    rest = len(found) - SHOWN
    children.append(Span(f"and {rest} more: say more words. " if rest > 0 else ""))
    children.append(Span("`@onevoice canned ID` shows one, filled in."))
    buttons = tuple(CardButton(line=f"canned {each.id}", label=each.title) for each in found[:SHOWN])
    return told_alone(asked, RichText((Paragraph(tuple(children)),)), buttons=buttons)


def canned(asked: Asked) -> Decision:
    """ "canned order-number": its text as it would leave, for the one who asks, with a button that sends it."""
    meant = meant_by(asked)
    if isinstance(meant, str):
        return told_alone(asked, meant)
    head = Paragraph((Span(f"{meant.reply.title} ({meant.tag}):"),))
    shown = RichText((head, Quote(of_text(meant.filled.text).blocks)))
    send = CardButton(line=meant.line, label="Send", primary=True)
    others = [
        CardButton(line=f"canned {meant.reply.id}{_PARTED}{tag}", label=f"In {tag}")
        for tag in meant.reply.texts
        if tag != meant.tag
    ]
    return told_alone(asked, shown, buttons=(send, *others[: SHOWN - 1]))


def send_canned(asked: Asked) -> Decision:
    """ "send-canned order-number": it is checked, held or sent as if the agent had written it."""
    meant = meant_by(asked)
    if isinstance(meant, str):
        return refused(asked, meant)
    conversation, desk, text = asked.conversation, asked.snapshot.desk, meant.filled.text
    newest = desk.newest if desk is not None else None
    if newest is not None and desk is not None and desk.round_answered and newest.text == plain(of_text(text)):
        return refused(asked, "Not sent again: the customer has just been told exactly this.")
    said = replace(asked.inbound, text=of_text(text), attachments=(), value=SEND)
    decision = taken_by_answer(
        reply(asked.snapshot, conversation, said, asked.agent, asked.rules), asked.snapshot, asked.agent
    )
    if decision.message is None or decision.message.visibility is not Visibility.PUBLIC:
        return answered(asked, f"Not sent: {decision.reasons[0].text}.")
    *before, last = decision.events
    last = replace(last, payload={**last.payload, "canned": meant.reply.id})
    return unposted(
        replace(decision, events=(*before, last)),
        f"{asked.agent.name} answered with \N{LEFT DOUBLE QUOTATION MARK}"
        f"{meant.reply.title}\N{RIGHT DOUBLE QUOTATION MARK}:",
    )


def meant_by(asked: Asked) -> Meant | str:
    """What is asked for, or why it cannot be had: no such reply, other words by now, a field without a value."""
    named, *others = asked.verb.rest.split() or [""]
    name, tag, digest = (*named.split(_PARTED), "", "")[:3]
    known = asked.rules.replies.get(name.casefold())
    if known is None:
        what = f"There is no canned reply {name!r}." if name else "Say which: `@onevoice canned ID`."
        return f"{what} `@onevoice replies WORDS` looks for one."
    given: dict[str, str] = {}
    for word in others:
        key, equals, value = word.partition("=")
        if not equals and tag_of(word) in known.texts:
            tag = word
        elif key in FIELDS and value:
            given[key] = value
        else:
            return (
                f"{word!r} is neither a language of this reply ({', '.join(known.texts)}) nor one of its fields, "
                f"like `order=A10017`; the fields are {', '.join(FIELDS)}."
            )
    chosen = known.in_language((*filter(None, (tag_of(tag),)), *_tags(asked)))
    shop = asked.rules.replies.shop.get(chosen, "")
    values = values_of(asked.conversation, asked.snapshot.proof_contact, asked.agent.name, shop)
    text = filled(known.texts[chosen], {**values, **given})
    if text.missing:
        return " ".join(_without(each, asked) for each in text.missing)
    if digest and digest != text.digest:
        return f"This reply reads otherwise by now: look at it again with `@onevoice canned {known.id}`."
    return Meant(reply=known, tag=chosen, filled=text, given=given)


def _without(name: str, asked: Asked) -> str:
    orders = asked.conversation.orders
    if name == "order" and orders:
        return f"The conversation is about several orders ({', '.join(orders)}): say which with `order={orders[0]}`."
    what = {"customer": "the name of the customer is not known", "order": "no order is known"}
    because = what.get(name, f"there is no {name}")
    return f"This reply needs {{{name}}}, and {because}: give it with `{name}=...` behind the id."


def _tags(asked: Asked) -> Sequence[str]:
    """The languages to answer in, best first."""
    contact, desk = asked.snapshot.proof_contact, asked.snapshot.desk
    words = desk.asked[0] if desk is not None and desk.asked else ""
    return wanted_tags(words, contact.language if contact is not None else None)


def _words(asked: Asked) -> tuple[Snapshot, RichText] | None:
    meant = meant_by(asked)
    return None if isinstance(meant, str) else (asked.snapshot, of_text(meant.filled.text))


WORDS = {SEND: _words}
"""What a verb would say to the customer, and against what that is checked."""
VERBS: Mapping[str, Answer] = {"canned": canned, "replies": replies, SEND: send_canned}
