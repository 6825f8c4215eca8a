"""Which form a verb has in a conversation: its fields, with what can be chosen now. Opening one changes nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from router.absence import zone_of
from router.asked import Asked
from router.dividing import MOST
from router.forms import ASKS, Field, Form, Kind, Option
from router.model import CardButton, Status
from router.richtext import RichText, of_text, plain
from router.splitting import split
from router.statuses import MORNING

REASON_LIMIT = 500
LABEL = 70
PAGE = 2_800
"""Characters of one piece of a long text; Slack takes 3,000 in a block."""
PIECES = 3
"""Pieces on one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another conversation of the same customer."""

    number: int
    status: Status
    opened_at: datetime
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What forms look at besides what verbs do. `others` are the customer's other conversations, newest first;
    `text` the whole of the message the form was asked at; `offered` what the card offers now."""

    others: Sequence[Other] = ()
    text: RichText | None = None
    offered: Sequence[CardButton] = ()


Opened = Callable[[Asked, Around], Form | str]
"""A form, or why there is none for this conversation now."""


def form_of(asked: Asked, around: Around) -> Form | str:
    """The form of the verb that was asked for."""
    known = FORMS.get(asked.verb.name)
    return known(asked, around) if known is not None else f"There is no form for {asked.verb.name!r}."


def _reason(*, required: bool = False, label: str = "Reason", hint: str = "") -> Field:
    return Field(name="reason", label=label, required=required, longest=REASON_LIMIT, hint=hint)


def _pass(asked: Asked, _: Around) -> Form | str:
    offer = asked.snapshot.standing.offer if asked.snapshot.standing is not None else None
    if asked.conversation.owner != asked.agent.id and (offer is None or offer.agent != asked.agent.id):
        return "It is neither yours nor offered to you."
    return Form(title="Pass it on", line="pass {reason}", submit="Pass", fields=[_reason()])


def _assign(asked: Asked, _: Around) -> Form | str:
    rules, owner = asked.rules, asked.conversation.owner
    people = [
        Option(each.id, _short(f"{each.name} (has it now)" if each.id == owner else each.name), " ".join(each.teams))
        for each in rules.agents.values()
    ]
    teams = [Option(each.id, _short(f"Team {each.name}")) for each in rules.teams.values()]
    whom = Field(name="whom", label="Person or team", kind=Kind.CHOICE, options=[*people, *teams])
    return Form(title="Assign", line="assign {whom}", submit="Assign", fields=[whom])


def _snooze(asked: Asked, _: Around) -> Form | str:
    now = asked.snapshot.now
    if now is None:
        return "It cannot be snoozed now."
    zone = zone_of(asked)
    tomorrow = (now.astimezone(zone) + timedelta(days=1)).date()
    return Form(
        title="Snooze",
        line="snooze until {date} {time}",
        submit="Snooze",
        fields=[
            Field(name="date", label="Until", kind=Kind.DATE, initial=tomorrow.isoformat()),
            Field(name="time", label=f"At ({zone.key})", kind=Kind.TIME, initial=f"{MORNING:02}:00"),
        ],
    )


def _merge(asked: Asked, around: Around) -> Form | str:
    if asked.snapshot.absorbed is not None:
        return "This conversation was merged already. Say `@onevoice unmerge` first."
    if not around.others:
        return (
            "This customer has no other conversation. If it is the same person as another customer, "
            "say `@onevoice link #12 <reason>` first."
        )
    options = [Option(f"#{each.number}", _short(_in_words(each))) for each in around.others]
    into = Field(
        name="into",
        label="Conversation that goes on",
        kind=Kind.CHOICE,
        options=options,
        initial=options[0].value,
        hint="This conversation becomes part of it. It can be undone.",
    )
    return Form(title="Merge", line="merge {into} {reason}", submit="Merge", fields=[into, _reason()])


def _in_words(other: Other) -> str:
    status = other.status.replace("_", " ")
    return f"#{other.number} ({status}, {other.opened_at:%Y-%m-%d}) {other.subject}".rstrip()


def _split(asked: Asked, _: Around) -> Form | str:
    messages = asked.snapshot.movable
    most = min(len(messages) - 1, MOST)
    if most < 1:
        return f"The customer has written {len(messages)} message here, and one must stay."
    options = [
        Option(str(count), _short(f"The last {count}, from: {_one_line(messages[-count].text)}"))
        for count in range(1, most + 1)
    ]
    return Form(
        title="Split off",
        line="split last {count} {subject}",
        submit="Split off",
        fields=[
            Field(
                name="count",
                label="The customer's messages that go",
                kind=Kind.CHOICE,
                options=options,
                initial="1",
                hint="They get a conversation of their own and keep their times.",
            ),
            Field(name="subject", label="Subject", required=False, longest=200),
        ],
    )


def _link(asked: Asked, _: Around) -> Form | str:
    return Form(
        title="Link customer",
        line="link {who} {reason}",
        submit="Link",
        fields=[
            Field(
                name="who",
                label="Conversation of the same customer",
                longest=100,
                hint="Its number, like #12. The link can be undone.",
            ),
            _reason(),
        ],
    )


def _held(verb: str, title: str, *, required: bool) -> Opened:
    """A verb about a held reply: whose, if an author's id is behind it, and why."""

    def opened(asked: Asked, _: Around) -> Form | str:
        desk = asked.snapshot.desk
        if desk is None or not desk.held:
            return "No reply is held in this thread any more."
        whose = asked.verb.rest.strip() or next(
            (each.agent for each in reversed(desk.held) if each.agent == asked.agent.id), desk.held[-1].agent
        )
        found = next((each for each in reversed(desk.held) if each.agent.casefold() == whose.casefold()), None)
        if found is None:
            return f"No reply of {whose} is held in this thread any more."
        hint = "The reason is kept on record." if required else ""
        return Form(
            title=title,
            line=f"{verb} {found.agent} {{reason}}",
            submit=title,
            said=of_text(plain(found.target.message.text)[:PAGE]),
            fields=[_reason(required=required, hint=hint)],
        )

    return opened


def _answer(asked: Asked, _: Around) -> Form | str:
    incident = asked.snapshot.desk.incident if asked.snapshot.desk is not None else None
    if incident is None:
        return "This conversation belongs to no open incident."
    if not asked.rules.is_lead(asked.agent, asked.conversation.team):
        return "Only a lead can set the official answer."
    text = Field(
        name="text", label="What all of them are to be told", kind=Kind.TEXT, initial=(incident.answer or "")[:2000]
    )
    return Form(title="Official answer", line="answer {text}", submit="Set", fields=[text])


def _spam(_: Asked, __: Around) -> Form | str:
    return Form(title="Spam", line="spam {reason}", submit="It is spam", fields=[_reason()])


def _show(asked: Asked, around: Around) -> Form | str:
    """A long text in pages; "show 2" is the second one."""
    if around.text is None:
        return "There is no message of this conversation to show here."
    pieces = split(around.text, PAGE, "chars")
    pages = [pieces[start : start + PIECES] for start in range(0, len(pieces), PIECES)]
    wanted = asked.verb.rest.strip()
    number = min(max(int(wanted) if wanted.isdecimal() and len(wanted) < 6 else 1, 1), len(pages))
    turning = [
        CardButton(line=f"show {page}{ASKS}", label=label)
        for page, label in ((number - 1, "Back"), (number + 1, "Next"))
        if 1 <= page <= len(pages)
    ]
    said = RichText(tuple(block for piece in pages[number - 1] for block in piece.blocks))
    title = "Whole message" if len(pages) == 1 else f"Whole message {number}/{len(pages)}"
    return Form(title=title, line="", said=said, buttons=turning)


def _actions(asked: Asked, around: Around) -> Form | str:
    """What the card offers, for those who are far below it."""
    offered = [*around.offered]
    if around.text is not None:
        offered.append(CardButton(line=f"show{ASKS}", label="Show the whole message"))
    if not offered:
        return "Nothing can be done with this conversation now."
    options = [Option(each.line, _short(each.label)) for each in offered]
    do = Field(name="do", label=f"Conversation #{asked.conversation.number}", kind=Kind.CHOICE, options=options)
    return Form(title="Onevoice", line="{do}", submit="Go on", fields=[do])


def _short(text: str) -> str:
    return text if len(text) <= LABEL else f"{text[: LABEL - 1]}…"


def _one_line(text: RichText) -> str:
    return " ".join(plain(text).split())


FORMS: Mapping[str, Opened] = {
    "actions": _actions,
    "answer": _answer,
    "assign": _assign,
    "correct": _held("correct", "Send as correction", required=True),
    "discard": _held("discard", "Discard", required=False),
    "link": _link,
    "merge": _merge,
    "pass": _pass,
    "send": _held("send", "Send anyway", required=True),
    "show": _show,
    "snooze": _snooze,
    "spam": _spam,
    "split": _split,
}
"""The form of each verb that has one; the others say it all."""
