"""Held replies as agents decide about them in the thread: send, correct, discard (`service.md` 4.0, 4.6)."""

from collections.abc import Mapping
from dataclasses import replace

from router.asked import Answer, Asked, answered
from router.checking import checked_reply, text_of_reply
from router.consistency.findings import Level
from router.consistency.ledger import LEDGER_RULES, Contradiction
from router.consistency.pipeline import Checked
from router.decision import Decision, NewEvent, Snapshot
from router.desk_view import DeskView, Held
from router.held import carried, holding
from router.model import Conversation, Leg
from router.planning import customer_leg
from router.record import Action, HoldEnd, HoldState, Record
from router.replies import leaving
from router.rulebook import Agent, Rulebook, Voice


def send(asked: Asked) -> Decision:
    """Send it anyway: a warning by its author or a lead, a block by a lead, never a contradiction of the ledger."""
    return _released(asked, corrects=False)


def correct(asked: Asked) -> Decision:
    """Send it as a correction of what was said before, which it takes the place of."""
    return _released(asked, corrects=True)


def discard(asked: Asked) -> Decision:
    """Drop a held reply."""
    held, reason = _meant(asked)
    if isinstance(held, str):
        return answered(asked, held)
    if not _may(asked, held):
        return answered(asked, "Only its author or a lead can discard a held reply.")
    end = HoldEnd(hold=held.id, state=HoldState.DISCARDED, action=Action.DISCARDED, actor=asked.actor, reason=reason)
    event = NewEvent(type="reply_discarded", actor=asked.actor, payload={"reply": held.target.message.id.hex})
    decision = answered(asked, "Discarded: the held reply will not be sent.", event)
    return replace(decision, record=Record(message=held.target.message.id, actor=asked.actor, hold_end=end))


def _meant(asked: Asked) -> tuple[Held | str, str]:
    """The held reply an agent means, and the reason given: their own newest, else the only one, else it is named."""
    desk, rest = asked.snapshot.desk, asked.verb.rest.strip()
    held = list(desk.held) if desk is not None else []
    if not held:
        return "No reply is held in this thread.", rest
    mine = [each for each in held if each.agent == asked.agent.id]
    first, _, others = rest.partition(" ")
    named = [each for each in held if first.casefold() == each.agent.casefold()]
    if named:
        return named[-1], others.strip()
    if mine:
        return mine[-1], rest
    if len({each.agent for each in held}) == 1:
        return held[-1], rest
    names = ", ".join(sorted({each.agent for each in held}))
    return f"Several replies are held here ({names}): put the author's id first, then the reason.", rest


def _may(asked: Asked, held: Held) -> bool:
    return held.agent == asked.agent.id or asked.rules.is_lead(asked.agent, asked.conversation.team)


def _released(asked: Asked, *, corrects: bool) -> Decision:
    held, reason = _meant(asked)
    if isinstance(held, str):
        return answered(asked, held)
    desk, rules, conversation = asked.snapshot.desk, asked.rules, asked.conversation
    leg = customer_leg(conversation)
    author = rules.agents.get(held.agent)
    if desk is None or rules.voice is None or leg is None or author is None:
        return answered(asked, "It cannot be sent: the customer or its author cannot be reached any more.")
    if not reason:
        return answered(asked, f"Say why: `@onevoice {asked.verb.name} <reason>`. The reason is kept on record.")
    checked, contradictions = _again(asked.snapshot, desk, conversation, leg, held, author, rules, rules.voice)
    if (refusal := _refusal(asked, held, checked, contradictions, corrects=corrects)) is not None:
        return answered(asked, refusal)
    end = HoldEnd(
        hold=held.id,
        state=HoldState.RELEASED,
        action=Action.CORRECTED if corrects else Action.SENT_ANYWAY,
        actor=asked.actor,
        reason=reason,
    )
    deliveries, trouble = carried(conversation, leg, held, held.target.message.text, author, rules)
    if trouble is not None:
        return answered(asked, trouble)
    event = NewEvent(
        type="reply_released",
        actor=asked.actor,
        payload={"reply": held.target.message.id.hex, "channel": leg.channel, "as": end.action.value, "reason": reason},
    )
    record = leaving(
        checked,
        desk,
        conversation,
        leg.channel,
        author,
        rules.voice.standards.version,
        message=held.target.message.id,
    )
    decision = answered(asked, _done(corrects, contradictions), event)
    return replace(
        decision,
        carries=held.target.message.id,
        deliveries=(*deliveries, *decision.deliveries),
        record=replace(record, hold_end=end, logged=()),
    )


def _again(
    snapshot: Snapshot,
    desk: DeskView,
    conversation: Conversation,
    leg: Leg,
    held: Held,
    author: Agent,
    rules: Rulebook,
    voice: Voice,
) -> tuple[Checked, tuple[Contradiction, ...]]:
    """The ledger as it is now: somebody may have said something else meanwhile."""
    message = held.target.message
    reply = text_of_reply(snapshot, conversation, leg, message.text, message.attachments, author, rules)
    _, checked = checked_reply(reply, desk, conversation, author, rules, voice, message=message.id, crosses=False)
    return checked, tuple(each for each in checked.contradictions if each.finding.level.holds)


def _refusal(
    asked: Asked, held: Held, checked: Checked, contradictions: tuple[Contradiction, ...], *, corrects: bool
) -> str | None:
    """Why a held reply may not leave in this way; None when it may."""
    if not _may(asked, held):
        return "Only its author or a lead can send a held reply."
    if corrects and not contradictions:
        return "It contradicts nothing that was said before; `@onevoice send <reason>` sends it."
    if not corrects and any(each.finding.level is Level.BLOCK for each in contradictions):
        return "It contradicts what the customer was told. `@onevoice correct <reason>` sends it as a correction."
    findings = (*held.findings, *holding(checked))
    others = [each for each in findings if not (corrects and each.rule in LEDGER_RULES)]
    if any(each.level is Level.BLOCK for each in others) and not asked.rules.is_lead(
        asked.agent, asked.conversation.team
    ):
        return "Only a lead can send this: it is blocked. Edit your message, or ask the lead."
    return None


def _done(corrects: bool, contradictions: tuple[Contradiction, ...]) -> str:
    if not corrects:
        return "Sent as it is; the reason is on record."
    earlier = ", ".join(f"{each.earlier.value} {each.earlier.unit}".rstrip() for each in contradictions)
    return f"Sent as a correction; what was said before ({earlier}) is superseded, the reason is on record."


VERBS: Mapping[str, Answer] = {"send": send, "correct": correct, "discard": discard}
