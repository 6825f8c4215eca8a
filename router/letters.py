"""A mail of an agent as a letter: a greeting, a closing and a signature around words that lack them (4.9, 4.13).

Only what leaves is a letter. What is stored, checked, compared and edited are the agent's own words.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from router.canned_replies import filled, values_of
from router.consistency.language import Language, language
from router.consistency.text import normalise
from router.consistency.wording import has
from router.decision import Snapshot
from router.model import ChannelType, Conversation
from router.richtext import Quote, RichText, of_text, plain
from router.rulebook import Rulebook
from router.standard_messages import wanted_tags

_WORD = re.compile(r"\w+")
_NO_NAME = re.compile(r"[@/:\r\n]|\.\S")
_LONGEST_NAME = 60

Texts = TypeVar("Texts")


def letter(
    snapshot: Snapshot, conversation: Conversation, channel: str, text: RichText, author: str, rules: Rulebook
) -> RichText:
    """The words of an agent as they leave on a channel: by mail with what they lack, in their language."""
    voice, messages = rules.voice, rules.messages
    if rules.channel(channel).type is not ChannelType.EMAIL or voice is None or messages is None:
        return text
    words = plain(RichText(tuple(block for block in text.blocks if not isinstance(block, Quote))))
    normal, required = normalise(words), voice.standards.required
    tags = _tags(snapshot, words)
    values = values_of(conversation, snapshot.proof_contact, author, _of(tags, rules.replies.shop) or "")
    values["customer"] = _called(values["customer"])
    greeting, closing, signature = (
        _first_filled(_of(tags, each) or (), values)
        for each in (messages.mail_greeting, messages.mail_closing, messages.mail_signature)
    )
    signed = _is_signed(words, signature, author)
    before = "" if has(normal, "greeting", required) else greeting
    after = ("" if signed or has(normal, "closing", required) else closing, "" if signed else signature)
    return RichText(
        (*of_text(before).blocks, *text.blocks, *(block for each in after for block in of_text(each).blocks))
    )


def _tags(snapshot: Snapshot, words: str) -> Sequence[str]:
    """The languages of the words, best first; of those that tell none, a file alone, say, the customer's."""
    contact, desk = snapshot.proof_contact, snapshot.desk
    if language(words) is Language.UNKNOWN and desk is not None and desk.asked:
        words = desk.asked[0]
    return wanted_tags(words, contact.language if contact is not None else None, otherwise=())


def _of(tags: Sequence[str], texts: Mapping[str, Texts]) -> Texts | None:
    return next((texts[tag] for tag in tags if tag in texts), None)


def _first_filled(texts: Sequence[str], values: Mapping[str, str]) -> str:
    """The first of the texts whose fields are all known."""
    return next((done.text for each in texts if not (done := filled(each, values)).missing), "")


def _called(name: str) -> str:
    """A customer chooses their name: one that a mail program would make a link of is none."""
    return "" if len(name) > _LONGEST_NAME or _NO_NAME.search(name) else name.strip()


def _is_signed(words: str, signature: str, author: str) -> bool:
    """Whether the last line ends as a signature does, or is a part of it. Behind one no closing is missed."""
    last = words.rstrip().rpartition("\n")[2].casefold()
    signs = [each.casefold() for each in (author, *signature.splitlines()) if each]
    parts = set(_WORD.findall(last))
    return last.endswith(tuple(signs)) or (bool(parts) and parts <= set(_WORD.findall(" ".join(signs))))
