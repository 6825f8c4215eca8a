"""Whom a post in a desk thread is for: the customer, the colleagues, or Onevoice itself."""

from router.decision import Snapshot
from router.notes import is_note
from router.richtext import EMPTY, Break, Inline, Mention, Paragraph, RichText, Span
from router.rulebook import ReplyMode, Rulebook
from router.verbs import names_bot, verb_of

REPLY = "reply"
"""The verb that makes a post a reply where plain posts are notes: "@onevoice reply ..."."""


def is_reply_asked_for(text: RichText) -> bool:
    """True for "@onevoice reply" with something behind it."""
    verb = verb_of(text)
    return verb is not None and verb.name == REPLY and bool(verb.rest)


def mode_of(snapshot: Snapshot, rules: Rulebook) -> ReplyMode:
    """What a plain post is: a note where one is the default, in its conversation or in the absorbed one in whose thread
    it is. Of a route that is no longer configured nobody knows, and in doubt nothing leaves (INV8)."""
    routes = [rules.route(each.route) for each in (snapshot.absorbed, snapshot.proof) if each is not None]
    noted = any(route is None or route.reply_mode is ReplyMode.NOTE for route in routes)
    return ReplyMode.NOTE if noted else ReplyMode.REPLY


def is_internal(text: RichText, mode: ReplyMode) -> bool:
    """True when the post must not leave: it is marked as a note, it names Onevoice, or nothing makes it a reply where
    notes are the default (S9)."""
    words = words_of(text)
    if is_note(words) or names_bot(words):
        return True
    return mode is ReplyMode.NOTE and not is_reply_asked_for(text)


def words_of(text: RichText) -> RichText:
    """The post without "@onevoice reply", with its formatting; any other post as it is."""
    head = text.blocks[0] if is_reply_asked_for(text) else None
    if not isinstance(head, Paragraph):
        return text
    rest: list[Inline] = []
    wanted = REPLY
    mention = next(index for index, child in enumerate(head.children) if isinstance(child, Mention))
    for child in head.children[mention + 1 :]:
        if not rest and isinstance(child, Span):
            said = child.text.lstrip()
            if wanted and said.lower().startswith(wanted):
                said, wanted = said[len(wanted) :].lstrip(), ""
            if said:
                rest.append(Span(said, child.style, child.link))
        elif rest or not isinstance(child, Break):
            rest.append(child)
    blocks = (*((Paragraph(tuple(rest)),) if rest else ()), *text.blocks[1:])
    return RichText(blocks) if blocks else EMPTY
