"""What each event of a conversation does to its rounds, cycles and owners: the state of a fold between two events."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast
from uuid import UUID

from router.clocks import Segment
from router.cycles import CycleRecord, figures
from router.events import (
    Assigned,
    ConversationOpened,
    EventType,
    ExternalReply,
    JudgedAgain,
    MessageEdited,
    MessageReceived,
    MessageSent,
    NeedChanged,
    PolicyChanged,
    StatusChanged,
)
from router.inbound_time import effective, is_backfill
from router.instants import from_text
from router.judged import Rounds
from router.judging import BEGINNING, LAST, Again, History, Position, Reply, Span, Waiting, judge
from router.model import Event, Round, Status
from router.targets import Metric, Policy
from router.terms import Responder, Terms, UnknownPolicy
from router.timeline import Cycle, Outcome, Ownership, Timeline


@dataclass(slots=True)
class _Known:
    """A customer message as it came, whether or not it opened anything."""

    waiting: Waiting
    human: bool


Place = tuple[datetime, int, UUID]


def place_of(event: Event) -> Place:
    """The order of the log; merged conversations may share an instant and a number."""
    return (event.at, event.seq, event.conversation)


class Folding:
    """Everything the fold remembers between two events."""

    def __init__(self, terms: Terms, conversation: UUID, absent: Mapping[str, Place]) -> None:
        self._terms = terms
        self._conversation = conversation
        self._absent = absent
        self._history = History(policies=[((BEGINNING, 0), terms.unjudged)])
        self._opened = False
        self._bot_first = terms.bot_in_front and terms.responder is Responder.HUMAN
        self._bot = self._bot_first
        self._status = Status.OPEN
        self._since = BEGINNING
        self._voided = False
        self._waiting: list[Waiting] = []
        self._edits: list[Waiting] = []
        self._believed: dict[Waiting, Place] = {}  # when it turned out that their answer had not arrived
        self._to_bot: list[Waiting] = []
        self._keys: set[tuple[str, str]] = set()
        self._messages: dict[str, _Known] = {}
        self._sent: set[str] = set()
        self._cycle: CycleRecord | None = None
        self._cycles: list[CycleRecord] = []
        self._spans: list[Span] = []
        self._judged: dict[int, Round] = {}
        self._owned: list[Ownership] = []
        self._owned_since: datetime | None = None

    def has_seen(self, message: str) -> bool:
        """Whether the message had a part in the fold so far."""
        return message in self._sent or message in self._messages

    def apply(self, events: Iterable[Event]) -> None:
        """Events in (t, seq) order, none before those already applied."""
        steps = _STEPS
        for event in events:
            step = steps.get(event.type)
            if step is not None:
                step(self, event)

    # What customers do.

    def received(self, event: Event) -> None:
        payload = cast(MessageReceived, event.payload)
        message, channel = payload["message"], payload["channel"]
        if (key := payload.get("key")) is not None:
            if (channel, key) in self._keys:
                return  # D13
            self._keys.add((channel, key))
        if message in self._absent:
            return
        sent_at = payload.get("sent_at")
        source = None if sent_at is None else from_text(sent_at)
        waiting = Waiting(effective(event.at, source), event.at, event.seq, message, channel)
        human = payload.get("kind", "human") == "human"
        self._messages[message] = _Known(waiting, human)
        if human and payload.get("needs_reply", True) and not is_backfill(event.at, source):
            self._arrive(waiting, event)

    def _arrive(self, message: Waiting, event: Event) -> None:
        """An eligible customer message (D5): it waits for a human, or for the bot in front (D7)."""
        cycle = self._cycle
        if cycle is None or self._is_over(message.start, message.channel):
            cycle = self._begin(message.start, (event.at, event.seq), message.channel)
        if cycle.first is None:
            cycle.first = message
        cycle.last = message
        self._turn(Status.OPEN, event.at)  # D21
        (self._to_bot if self._bot else self._waiting).append(message)

    def edited(self, event: Event) -> None:
        """D9: a material edit is a new message at edit time, unless the answer to the old one covers it."""
        payload = cast(MessageEdited, event.payload)
        known = self._messages.get(payload["message"])
        if known is None or not known.human or not payload.get("material", False):
            return
        sent_at = payload.get("sent_at")
        start = effective(event.at, None if sent_at is None else from_text(sent_at))
        edit = Waiting(start, event.at, event.seq, payload["message"], known.waiting.channel)
        if any(each.message == edit.message for each in self._waiting):
            self._edits.append(edit)
        else:
            self._arrive(edit, event)

    def need_changed(self, event: Event) -> None:
        """D5: flipped by an agent; the message then waits since its own time."""
        payload = cast(NeedChanged, event.payload)
        message = payload["message"]
        known = self._messages.get(message)
        if known is None:
            return
        if not payload["needs_reply"]:
            self._waiting = [each for each in self._waiting if each.message != message]
            self._to_bot = [each for each in self._to_bot if each.message != message]
        elif not any(each.message == message for each in (*self._waiting, *self._to_bot)):
            self._arrive(known.waiting, event)

    # What we do.

    def sent(self, event: Event) -> None:
        payload = cast(MessageSent, event.payload)
        self._sent.add(payload["message"])
        author, holding = event.actor, payload.get("holding", False)
        failed = self._absent.get(payload["message"])
        if failed is not None and place_of(event) < failed:  # D2; what was sent again after it had failed has arrived
            if author.startswith("agent:"):
                reply = self._reply_of(event, payload.get("composed_at"), None, holding=holding, manual=False)
                self._believed.update((each, failed) for each in self._waiting if reply.answers(each))
            return
        if author.startswith("agent:"):
            self._reply(event, payload.get("composed_at"), payload.get("team"), holding=holding, manual=False)
        elif author.startswith("bot:"):
            if not holding:
                self._bot_answer(event, payload.get("composed_at"))
        elif author == "system:ack" and self._cycle is not None and self._cycle.ack_at is None:
            self._cycle.ack_at = event.at

    def external_reply(self, event: Event) -> None:
        """D2: the agent answered elsewhere and logged it."""
        payload = cast(ExternalReply, event.payload)
        self._reply(event, payload.get("composed_at"), None, holding=False, manual=True)

    def _bot_answer(self, event: Event, composed_at: str | None) -> None:
        if self._terms.responder is Responder.ANY:
            self._reply(event, composed_at, None, holding=False, manual=False)
            return
        cycle = self._cycle
        if cycle is not None and cycle.first is not None and cycle.any_at is None:
            cycle.any_at = event.at

    def _reply(self, event: Event, composed_at: str | None, team: str | None, *, holding: bool, manual: bool) -> None:
        """A qualifying reply answers what was visible when it was composed (D2, D11); the rest stays waiting (D12)."""
        at, reply = event.at, self._reply_of(event, composed_at, team, holding=holding, manual=manual)
        cycle = self._cycle
        if cycle is None or self._is_over(at, None):
            cycle = self._begin(at, (at, event.seq), str(event.payload.get("channel", "")))
        visible = cycle.first is not None and reply.answers(cycle.first)
        if not cycle.human_seen and not visible:
            cycle.agent_first = True  # D6
        if self._bot:
            self._take_over(cycle, reply, event)
        answered = [each for each in self._waiting if reply.answers(each)]
        if answered:
            self._emit(answered, (at, event.seq), Outcome.ANSWERED, reply)
            left = len(self._waiting) - len(answered)
            self._waiting = [each for each in self._waiting if not reply.answers(each)] if left else []
            self._late_edits(answered, reply)
        if visible and not cycle.agent_first:
            cycle.human_at = cycle.human_at or at
            cycle.any_at = cycle.any_at or at
            if not holding:
                cycle.substantive_at = cycle.substantive_at or at
        cycle.human_seen = True
        cycle.told.append(at)

    def _reply_of(
        self, event: Event, composed_at: str | None, team: str | None, *, holding: bool, manual: bool
    ) -> Reply:
        composed = event.at if composed_at is None else min(event.at, from_text(composed_at))
        return Reply(event.actor.removeprefix("agent:"), team or self._team(), composed, event.seq, holding, manual)

    def _take_over(self, cycle: CycleRecord, reply: Reply, event: Event) -> None:
        """D7: an implicit hand-off. What the agent could not have seen waits for a human from now on."""
        self._bot = False
        cycle.takeover = not cycle.agent_first
        unseen = [each for each in self._to_bot if not reply.answers(each)]
        self._to_bot = []
        if unseen:
            self._waiting.append(self._handed(unseen[-1], event))

    def handed_off(self, event: Event) -> None:
        """D7: a human round starts at the hand-off, whatever the bot answered before."""
        if not self._bot:
            return
        self._bot = False
        self._to_bot = []
        cycle = self._cycle
        if cycle is not None and cycle.last is not None:
            self._turn(Status.OPEN, event.at)
            self._waiting.append(self._handed(cycle.last, event))

    @staticmethod
    def _handed(message: Waiting, event: Event) -> Waiting:
        return Waiting(event.at, event.at, event.seq, message.message, message.channel)

    def _late_edits(self, answered: list[Waiting], reply: Reply) -> None:
        """Edits of messages just answered: the answer covers those it could see, the others wait (D9, D11)."""
        if not self._edits:
            return
        done = {each.message for each in answered}
        self._waiting += [each for each in self._edits if each.message in done and not reply.answers(each)]
        self._edits = [each for each in self._edits if each.message not in done]

    # States, owners, policies.

    def status_changed(self, event: Event) -> None:
        payload = cast(StatusChanged, event.payload)
        status = Status(payload["to"])
        at = event.at
        unanswered = [each for each in self._waiting if not self._seemed_answered(each, event)]
        if (leaving := payload.get("leaving")) is not None:
            composed = (from_text(leaving), event.seq)
            unanswered = [each for each in (*unanswered, *self._edits) if not each.was_seen(composed)]
        if status is Status.PENDING and self._status is not status and unanswered and self._cycle is not None:
            self._cycle.pauses += 1  # D19
        if status is Status.RESOLVED and unanswered:
            self._emit(unanswered, (at, event.seq), Outcome.CLOSED_NO_REPLY, None)  # D22
            self._waiting = [each for each in self._waiting if each not in unanswered]
        if status is Status.RESOLVED:
            self._edits = []
            self._to_bot = []
        self._turn(status, at)

    def _seemed_answered(self, message: Waiting, event: Event) -> bool:
        """The answer had left by then, and came back or failed later: whoever resolved it could not know."""
        failed = self._believed.get(message)
        return failed is not None and place_of(event) < failed

    def _turn(self, status: Status, at: datetime) -> None:
        """Change the status; nothing happens when it is the same."""
        if status is self._status:
            return
        cycle = self._cycle
        if cycle is not None:
            cycle.segments.append(Segment(self._since, at, self._status))
            if status is Status.RESOLVED:
                cycle.first_resolved = cycle.first_resolved or at
                cycle.last_resolved = at
            elif self._status is Status.RESOLVED:
                cycle.reopens += 1
        if status is Status.RESOLVED:
            self._note_owner(at)
        elif self._status is Status.RESOLVED:
            self._owned_since = at
        self._status = status
        self._since = at

    def assigned(self, event: Event) -> None:
        payload = cast(Assigned, event.payload)
        self._assign(event, payload.get("agent"), payload["team"] if "team" in payload else self._team())

    def _assign(self, event: Event, agent: str | None, team: str | None) -> None:
        if self._status is not Status.RESOLVED:
            self._note_owner(event.at)
            self._owned_since = event.at
        self._history.assign((event.at, event.seq), agent, team)

    def _note_owner(self, at: datetime) -> None:
        """Keep the stretch of ownership that ends now (2.3.11)."""
        if self._owned_since is not None and at > self._owned_since:
            last = self._history.owners[-1]
            self._owned.append(Ownership(begin=self._owned_since, end=at, agent=last.agent, team=last.team))

    def _team(self) -> str | None:
        return self._history.owners[-1].team

    def opened(self, event: Event) -> None:
        """Only the first of a merged log counts (D25)."""
        if self._opened:
            return
        self._opened = True
        payload = cast(ConversationOpened, event.payload)
        if (handler := payload.get("handler")) is not None:
            self._bot_first = handler == "bot" and self._terms.responder is Responder.HUMAN
            self._bot = self._bot_first
        if (policy := payload.get("policy")) is not None:
            self._judge_by(event, policy, payload.get("policy_version", 1))
        if "team" in payload or "agent" in payload:
            self._assign(event, payload.get("agent"), payload.get("team"))

    def policy_changed(self, event: Event) -> None:
        payload = cast(PolicyChanged, event.payload)
        self._judge_by(event, payload["policy"], payload.get("policy_version", 1))

    def judged_again(self, event: Event) -> None:
        """D30: other policies for closed rounds. Changes while a round ran stay where they were (D27)."""
        payload = cast(JudgedAgain, event.payload)
        name, versions = payload["policy"], payload.get("versions", {})
        first = self._terms.unjudged if name is None else self._named(event, name, payload.get("policy_version", 1))
        opened = next((policy.id for _, policy in self._history.policies if policy.id), None)
        policies: list[tuple[Position, Policy]] = []
        for at, policy in self._history.policies:
            follows = policies and policy.id != opened and policy.id in versions
            policies.append((at, self._named(event, policy.id, versions[policy.id]) if follows else first))
        self._history.again.append(
            Again(
                at=(event.at, event.seq),
                begin=from_text(payload["begin"]),
                end=from_text(payload["end"]),
                channel=payload.get("channel"),
                openers=frozenset(payload["rounds"]) if "rounds" in payload else None,
                policies=policies,
            )
        )
        self._judged = {}

    def _judge_by(self, event: Event, name: str, version: int) -> None:
        self._history.policies.append(((event.at, event.seq), self._named(event, name, version)))

    def _named(self, event: Event, name: str, version: int) -> Policy:
        policy = self._terms.policies.get((name, version))
        if policy is None:
            raise UnknownPolicy(
                f"conversation {event.conversation} is judged by policy {name} version {version}, which is not known: "
                "restore the revision of the configuration it belongs to"
            )
        return policy

    def receipt_suppressed(self, _: Event) -> None:
        """Decisions 19: no receipt may be sent here, which is no breach."""
        if self._cycle is not None:
            self._cycle.receipt_applies = False

    def voided(self, _: Event) -> None:
        self._voided = True

    def unvoided(self, _: Event) -> None:
        self._voided = False

    # Cycles and rounds.

    def _is_over(self, at: datetime, channel: str | None) -> bool:
        """Whether an instant lies beyond the reopen window of a resolved cycle (D23); never while its answer is on its
        way (adr/0015)."""
        cycle = self._cycle
        if self._status is not Status.RESOLVED or cycle is None or cycle.last_resolved is None or self._waiting:
            return False
        window = self._terms.window(channel)
        return at > cycle.last_resolved + window

    def _begin(self, start: datetime, opened: Position, channel: str) -> CycleRecord:
        """A new cycle, with the bot in front again if there is one (D7, D23)."""
        if self._status is Status.RESOLVED:
            self._owned_since = opened[0]
        self._status = Status.OPEN
        self._since = start
        self._bot = self._bot_first
        self._to_bot = []
        self._cycle = CycleRecord(len(self._cycles) + 1, start, opened, channel, self._bot)
        self._cycles.append(self._cycle)
        return self._cycle

    def _emit(self, messages: list[Waiting], end: Position, outcome: Outcome, reply: Reply | None) -> None:
        cycle = self._cycle
        assert cycle is not None
        if reply is None:
            cycle.unanswered = True
        elif not cycle.human_seen:
            cycle.answered = len(self._spans)
        metric = Metric.NEXT if cycle.human_seen else Metric.FIRST
        self._spans.append(Span(messages, end, outcome, cycle.number, metric, reply))

    # What it comes to.

    def timeline(self, now: datetime) -> Timeline:
        """The figures now; the state stays as it is, so that the log can go on."""
        if self._voided:
            return Timeline(voided=True)
        waiting = self._open(now)
        rounds = Rounds(self._spans, self._judged, self._history, self._conversation, waiting)
        owned = list(self._owned)
        if self._owned_since is not None and self._status is not Status.RESOLVED and now > self._owned_since:
            last = self._history.owners[-1]
            owned.append(Ownership(begin=self._owned_since, end=now, agent=last.agent, team=last.team))
        return Timeline(
            rounds=rounds,
            cycles=tuple(self._figures(cycle, rounds, now) for cycle in self._cycles),
            ownership=tuple(owned),
            waiting=waiting,
            unanswered=frozenset(each.message for each in self._waiting),
            calendar=self._history.policy((now, LAST)).calendar,
        )

    def _open(self, now: datetime) -> Round | None:
        """The round of the customer who waits now."""
        if not self._waiting or self._cycle is None:
            return None
        metric = Metric.NEXT if self._cycle.human_seen else Metric.FIRST
        span = Span(self._waiting, (now, LAST), Outcome.OPEN, self._cycle.number, metric, None)
        return judge(span, self._history, self._conversation)

    def _figures(self, cycle: CycleRecord, rounds: Rounds, now: datetime) -> Cycle:
        """Earlier cycles ended resolved; the last one goes on until now."""
        if cycle is not self._cycle:
            return figures(cycle, self._history, rounds, now, status=Status.RESOLVED, waiting=False)
        last = Segment(self._since, now, self._status)
        return figures(
            cycle, self._history, rounds, now, status=self._status, waiting=bool(self._waiting), running=(last,)
        )


_STEPS: Final[Mapping[str, Callable[[Folding, Event], None]]] = {
    EventType.CONVERSATION_OPENED: Folding.opened,
    EventType.MESSAGE_RECEIVED: Folding.received,
    EventType.MESSAGE_SENT: Folding.sent,
    EventType.EXTERNAL_REPLY: Folding.external_reply,
    EventType.MESSAGE_EDITED: Folding.edited,
    EventType.NEED_CHANGED: Folding.need_changed,
    EventType.STATUS_CHANGED: Folding.status_changed,
    EventType.ASSIGNED: Folding.assigned,
    EventType.HANDED_OFF: Folding.handed_off,
    EventType.POLICY_CHANGED: Folding.policy_changed,
    EventType.JUDGED_AGAIN: Folding.judged_again,
    EventType.RECEIPT_SUPPRESSED: Folding.receipt_suppressed,
    EventType.VOIDED: Folding.voided,
    EventType.UNVOIDED: Folding.unvoided,
}
