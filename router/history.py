"""What an agent sees of a customer's other conversations: over all channels, for the one who asked."""

from collections.abc import Iterator, Mapping

from router.absence import zone_of
from router.asked import Answer, Asked
from router.decision import Decision
from router.lookup import Past
from router.model import Status
from router.private import told_alone

SUBJECT = 80
"""Characters of a subject that are shown."""


def history(asked: Asked) -> Decision:
    """The customer's newest conversations, whatever channel they were on, and how many more there are."""
    found = asked.snapshot.lookup.history
    lines = [f"{_counted(found.count)} with this customer:" if found.newest else "Nothing is known of this customer."]
    zone = zone_of(asked)
    for each in found.newest:
        began, last = (f"{at.astimezone(zone):%Y-%m-%d}" for at in (each.opened_at, each.last_at))
        lines.append(" · ".join(_facts(each, asked, began if began == last else f"{began} - {last}")))
    if (more := found.count - len(found.newest)) > 0:
        lines.append(f"and {more} older.")
    return told_alone(asked, "\n".join(lines))


def _counted(count: int) -> str:
    return "1 conversation" if count == 1 else f"{count} conversations"


def _facts(past: Past, asked: Asked, days: str) -> Iterator[str]:
    here = " (this one)" if past.number == asked.conversation.number else ""
    yield f"#{past.number}{here}"
    yield ", ".join(past.channels) or "-"
    yield days
    yield f"merged into #{past.merged_into}" if past.merged_into is not None else past.status.replace("_", " ")
    owner = asked.rules.agents.get(past.owner or "")
    if past.owner is not None:
        yield owner.name if owner is not None else past.owner
    elif past.status is not Status.RESOLVED:
        yield "nobody"
    if subject := " ".join(past.subject.split()):
        yield subject if len(subject) <= SUBJECT else f"{subject[: SUBJECT - 1]}…"


VERBS: Mapping[str, Answer] = {"history": history}
