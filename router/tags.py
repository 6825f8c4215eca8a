"""Tags of a conversation, by an agent's word: what its card shows and what people look for."""

from collections.abc import Mapping
from dataclasses import replace

from router.asked import Answer, Asked, answered
from router.decision import Decision, NewEvent
from router.tagging import LONGEST, MOST, tags_in


def tag(asked: Asked) -> Decision:
    """ "tag broken-lamp vip": more tags, each one word."""
    said, known = tags_in(asked.verb.rest), asked.conversation.tags
    if not said:
        return answered(asked, f"Say which: `@onevoice tag broken-lamp`. Tags now: {_listed(known)}.")
    if long := [each for each in said if len(each) > LONGEST]:
        return answered(asked, f"A tag has at most {LONGEST} characters: {long[0][:LONGEST]}... is longer.")
    fresh = tuple(each for each in said if each not in known)
    if not fresh:
        return answered(asked, f"It has that already. Tags now: {_listed(known)}.")
    if len(known) + len(fresh) > MOST:
        return answered(asked, f"A conversation has at most {MOST} tags. Tags now: {_listed(known)}.")
    return _changed(asked, (*known, *fresh), added=fresh)


def untag(asked: Asked) -> Decision:
    """ "untag broken-lamp": without these; "untag all": without any."""
    said, known = tags_in(asked.verb.rest), asked.conversation.tags
    gone = known if said == ("all",) and "all" not in known else tuple(each for each in said if each in known)
    if not gone:
        return answered(asked, f"Say one of its tags: `@onevoice untag <word>`. Tags now: {_listed(known)}.")
    return _changed(asked, tuple(each for each in known if each not in gone), removed=gone)


def _changed(asked: Asked, tags: tuple[str, ...], **change: tuple[str, ...]) -> Decision:
    event = NewEvent(
        type="tags_changed", actor=asked.actor, payload={name: list(words) for name, words in change.items()}
    )
    return replace(answered(asked, f"Tags now: {_listed(tags)}.", event), tags=tags)


def _listed(tags: tuple[str, ...]) -> str:
    return ", ".join(tags) or "none"


VERBS: Mapping[str, Answer] = {"tag": tag, "untag": untag}
