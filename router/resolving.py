"""The matter is done: resolve, which asks first where something is still promised (4.10)."""

from collections.abc import Mapping
from dataclasses import replace

from router.asked import Answer, Asked, answered, refused
from router.consistency.findings import Place
from router.decision import Decision, NewEvent, Reason
from router.handing import offer_end, offer_events
from router.local_time import local_time
from router.model import CardButton, Promise, Status
from router.ownership import Ownership
from router.planning import notice, way_out
from router.promised import in_words, kept_now, open_promises
from router.record import Record
from router.richtext import Paragraph, RichText, Span, Style, of_text
from router.statuses import changed_to

RULE = "PROMISE-OPEN"


def resolve(asked: Asked) -> Decision:
    """ "resolve" or "resolve refunded", one of the shop's categories: the matter is done, and its owner is free."""
    refusal = _refusal(asked)
    if refusal is not None:
        return refusal
    waiting = open_promises(asked)
    return _asks(asked, waiting) if waiting and _is_warned(asked) else _resolved(asked)


def done(asked: Asked) -> Decision:
    """What was promised is done, and with it the matter."""
    refusal = _refusal(asked)
    if refusal is not None:
        return refusal
    waiting = open_promises(asked)
    events = tuple(
        NewEvent(
            type="promise_kept",
            actor=asked.actor,
            payload={"promise": each.id.hex if each.id else "", "kind": each.kind},
        )
        for each in waiting
    )
    return replace(_resolved(asked, *events), record=Record(actor=asked.actor, ended_promises=kept_now(asked, waiting)))


def anyway(asked: Asked) -> Decision:
    """Resolved, and still promised: whoever promised is reminded all the same."""
    return _refusal(asked) or _resolved(asked)


def keep(asked: Asked) -> Decision:
    """Not resolved after all."""
    now, rules = asked.snapshot.now, asked.rules
    at = f" at {local_time(now, rules)}" if now is not None else ""
    said = RichText((Paragraph((Span(f"Kept open by {asked.agent.name}{at}.", Style.BOLD),)),))
    decision = answered(asked, "It stays open.", NewEvent(type="kept_open", actor=asked.actor))
    return replace(decision, deliveries=(), settles={_subject(asked): said})


def _refusal(asked: Asked) -> Decision | None:
    category, known = _category(asked), asked.rules.resolutions
    if category and category not in known:
        names = f"one of {', '.join(known)}" if known else "none: this shop has no categories"
        return refused(asked, f"There is no category {category!r}. Say `@onevoice resolve` and {names}.")
    if asked.conversation.status is Status.RESOLVED:
        return refused(asked, "It is resolved already.")
    return None


def _category(asked: Asked) -> str:
    return asked.verb.rest.strip().casefold()


def _is_warned(asked: Asked) -> bool:
    """Whether the shop wants to be asked (the level of PROMISE-OPEN)."""
    voice, leg = asked.rules.voice, way_out(asked.conversation, asked.rules)
    if voice is None or isinstance(leg, Reason):
        return False
    place = Place(channel_type=asked.rules.channel(leg.channel).type, author=asked.agent.id)
    return voice.standards.checks[RULE].level_at(place).holds


def _subject(asked: Asked) -> str:
    return f"resolve:{asked.conversation.id.hex}"


def _asks(asked: Asked, waiting: tuple[Promise, ...]) -> Decision:
    category = _category(asked)
    tail = f" {category}" if category else ""
    lines = [
        "Not resolved yet: this is still promised to the customer.",
        *(f"• {in_words(each, asked.rules)}" for each in waiting),
        f"Or say `@onevoice resolve-done{tail}`, `keep-open` or `resolve-anyway{tail}`.",
    ]
    again = RichText((Paragraph((Span("Asked again: see below.", Style.BOLD),)),))
    decision = answered(asked, "", NewEvent(type="resolve_asked", actor=asked.actor, payload={"rule": RULE}))
    return replace(
        decision,
        deliveries=notice(
            asked.conversation,
            of_text("\n".join(lines)),
            about=_subject(asked),
            buttons=(
                CardButton(line=f"resolve-done{tail}", label="Done, resolve", primary=True),
                CardButton(line="keep-open", label="Keep open"),
                CardButton(line=f"resolve-anyway{tail}", label="Resolve anyway"),
            ),
        ),
        settles={_subject(asked): again},
    )


def _resolved(asked: Asked, *before: NewEvent) -> Decision:
    category, waiting = _category(asked), open_promises(asked)
    more: dict[str, object] = {"category": category} if category else {}
    if waiting and not before:
        more["promised"] = len(waiting)
    events = (
        *before,
        *offer_events(asked.snapshot, None, asked.actor),
        changed_to(asked, Status.RESOLVED, **more),
    )
    said = f"Resolved: {category}." if category else "Resolved."
    by = RichText((Paragraph((Span(f"Resolved by {asked.agent.name}.", Style.BOLD),)),))
    return replace(
        answered(asked, said, *events),
        ownership=Ownership(offer_end=offer_end(asked.snapshot, None)),
        settles={_subject(asked): by},
    )


VERBS: Mapping[str, Answer] = {
    "keep-open": keep,
    "resolve": resolve,
    "resolve-anyway": anyway,
    "resolve-done": done,
}
