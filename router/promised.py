"""What was promised to a customer, as agents look at it and settle it: promises, done, not-promised (4.10)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, tzinfo
from uuid import UUID

from router.asked import Answer, Asked, answered, refused
from router.consistency.promises import state_after
from router.decision import Decision, NewEvent, Planned
from router.model import CardButton, Promise
from router.planning import notice
from router.record import Record
from router.richtext import Paragraph, RichText, Span, Style
from router.rulebook import Rulebook

REF = "promise:"
"""What the word begins with that names a promise in the line of a button."""
WHAT = {
    "contact": "an answer",
    "holding": "an answer in a moment",
    "refund": "a refund",
    "ship": "a parcel",
    "exchange": "an exchange",
    "repair": "a repair",
}
_ENDED = {"kept": "Done.", "broken": "Done, but too late.", "cancelled": "Not to be kept any more."}


def promise_subject(promise: UUID) -> str:
    """What notices of a promise are about."""
    return f"{REF}{promise.hex}"


def promise_buttons(promise: UUID) -> tuple[CardButton, ...]:
    ref = promise_subject(promise)
    return (
        CardButton(line=f"done {ref}", label="Done"),
        CardButton(line=f"not-promised {ref}", label="Not a promise"),
    )


def promise_over(promise: Promise, state: str, rules: Rulebook) -> RichText:
    """What notices of a promise say once it is settled."""
    became = _ENDED.get(state, "Settled.")
    return RichText((Paragraph((Span(f"{_sentence(promise, rules)} "), Span(became, Style.BOLD))),))


def in_words(promise: Promise, rules: Rulebook) -> str:
    """ "a refund by 2026-03-15 18:00 (Asia/Shanghai), promised by Alice Chen"."""
    zone: tzinfo = UTC if rules.voice is None else rules.voice.calendar.tz
    owner = rules.agents.get(promise.owner or "")
    by = f", promised by {owner.name}" if owner is not None else ""
    return f"{WHAT.get(promise.kind, promise.kind)} by {promise.due_at.astimezone(zone):%Y-%m-%d %H:%M} ({zone}){by}"


def _sentence(promise: Promise, rules: Rulebook) -> str:
    said = in_words(promise, rules)
    return f"{said[:1].upper()}{said[1:]}."


def show(asked: Asked) -> Decision:
    """ "promises": each open one with its buttons."""
    found = open_promises(asked)
    if not found:
        return refused(asked, "Nothing is promised to this customer here.")
    shown: list[Planned] = []
    settles: dict[str, RichText] = {}
    for number, each in enumerate(found, 1):
        if each.id is not None:
            about, said = promise_subject(each.id), f"{number}. {_sentence(each, asked.rules)}"
            settles[about] = RichText((Paragraph((Span(f"{said} "), Span("Asked for again: see below.", Style.BOLD))),))
            shown += notice(asked.conversation, said, about=about, buttons=promise_buttons(each.id))
    return replace(answered(asked, ""), deliveries=tuple(shown), settles=settles)


def done(asked: Asked) -> Decision:
    """ "done", "done 2", "done all": it is kept."""
    return _settled(asked, "promise_kept", "Done", kept=True)


def not_promised(asked: Asked) -> Decision:
    """ "not-promised 2": nobody has promised anything, or it need not be kept any more."""
    return _settled(asked, "promise_cancelled", "Not a promise", kept=False)


def open_promises(asked: Asked) -> tuple[Promise, ...]:
    """What is promised in the conversation, earliest due first."""
    return tuple(asked.snapshot.desk.promises) if asked.snapshot.desk is not None else ()


def kept_now(asked: Asked, promises: tuple[Promise, ...], *, kept: bool = True) -> Mapping[UUID, str]:
    """The states promises have that are kept, or dropped, now."""
    now = asked.snapshot.now
    return {
        each.id: state_after(each.due_at, now, now) if kept and now is not None else "cancelled"
        for each in promises
        if each.id is not None
    }


def _settled(asked: Asked, event: str, said: str, *, kept: bool) -> Decision:
    meant = _meant(asked)
    if isinstance(meant, str):
        return refused(asked, meant)
    words = "; ".join(in_words(each, asked.rules) for each in meant)
    events = [
        NewEvent(type=event, actor=asked.actor, payload={"promise": each.id.hex if each.id else "", "kind": each.kind})
        for each in meant
    ]
    decision = answered(asked, f"{said}: {words}.", *events)
    return replace(decision, record=Record(actor=asked.actor, ended_promises=kept_now(asked, meant, kept=kept)))


def _meant(asked: Asked) -> tuple[Promise, ...] | str:
    """The promises an agent means: the one a button names, a number of the list, all, or the only one."""
    found, said = open_promises(asked), asked.verb.rest.strip().lower()
    if said.startswith(REF):
        named = tuple(each for each in found if each.id is not None and promise_subject(each.id) == said)
        return named or "Nothing was done: this promise is settled already."
    if not found:
        return "Nothing is promised to this customer here."
    if said == "all" or (not said and len(found) == 1):
        return found
    if said.isdecimal() and 1 <= int(said) <= len(found):
        return (found[int(said) - 1],)
    lines = "\n".join(f"{number}. {in_words(each, asked.rules)}" for number, each in enumerate(found, 1))
    return f"Which of these? Say `@onevoice {asked.verb.name} 1`, or `all`.\n{lines}"


VERBS: Mapping[str, Answer] = {"done": done, "not-promised": not_promised, "promises": show}
