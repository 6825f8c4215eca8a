"""Whom a post in a desk thread is for: the customer, the colleagues, or Onevoice itself."""

from router.decision import Snapshot
from router.notes import is_note
from router.richtext import EMPTY, Break, Inline, Mention, Paragraph, RichText, Span
from router.rulebook import ReplyMode, Route, Rulebook
from router.verbs import names_bot, verb_of

REPLY = "reply"
"""The verb that makes a post a reply where plain posts are notes: "@onevoice reply ..."."""


def is_reply_asked_for(text: RichText) -> bool:
    """True for "@onevoice reply" with something behind it."""
    verb = verb_of(text)
    return verb is not None and verb.name == REPLY and bool(verb.rest)


def route_of(snapshot: Snapshot, rules: Rulebook) -> Route | None:
    """The route whose reply mode counts for a post: that of the absorbed conversation in whose thread it is where notes
    are the default there, else that of its conversation."""
    written_in = rules.route(snapshot.absorbed.route) if snapshot.absorbed is not None else None
    if written_in is not None and written_in.reply_mode is ReplyMode.NOTE:
        return written_in
    return rules.route(snapshot.proof.route) if snapshot.proof is not None else None


def is_internal(text: RichText, route: Route | None) -> bool:
    """True when the post must not leave: it is marked as a note, it names Onevoice, or nothing makes it a reply where
    notes are the default (S9)."""
    words = words_of(text)
    if is_note(words) or names_bot(words):
        return True
    return route is not None and route.reply_mode is ReplyMode.NOTE and not is_reply_asked_for(text)


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
