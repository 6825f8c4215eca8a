"""Forms of verbs about a conversation: whose it is, how it stands, what it is about."""

from collections.abc import Mapping
from datetime import timedelta

from router.absence import zone_of
from router.asked import Asked
from router.dividing import MOST
from router.form_parts import Around, Opened, Other, reason_field, short
from router.forms import Field, Form, Kind, Option
from router.model import Priority
from router.richtext import RichText, plain
from router.statuses import MORNING
from router.tagging import LONGEST as LONGEST_TAG
from router.tagging import MOST as MOST_TAGS


def _pass(asked: Asked, _: Around) -> Form | str:
    offer = asked.snapshot.standing.offer if asked.snapshot.standing is not None else None
    if asked.conversation.owner != asked.agent.id and (offer is None or offer.agent != asked.agent.id):
        return "It is neither yours nor offered to you."
    return Form(title="Pass it on", line="pass {reason}", submit="Pass", fields=[reason_field()])


def _assign(asked: Asked, _: Around) -> Form | str:
    rules, owner = asked.rules, asked.conversation.owner
    people = [
        Option(each.id, short(f"{each.name} (has it now)" if each.id == owner else each.name), " ".join(each.teams))
        for each in rules.agents.values()
    ]
    teams = [Option(each.id, short(f"Team {each.name}")) for each in rules.teams.values()]
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


def _resolve(asked: Asked, _: Around) -> Form | str:
    if not asked.rules.resolutions:
        return "This shop has no categories: `@onevoice resolve` is all there is to say."
    options = [Option(each, short(each.replace("_", " ").replace("-", " "))) for each in asked.rules.resolutions]
    category = Field(name="category", label="What became of it", kind=Kind.CHOICE, options=options)
    return Form(title="Resolve", line="resolve {category}", submit="Resolve", fields=[category])


def _priority(asked: Asked, _: Around) -> Form | str:
    options = [Option(each.value, "VIP" if each is Priority.VIP else each.value.capitalize()) for each in Priority]
    now = asked.conversation.priority.value
    field = Field(name="priority", label="Class it is served in", kind=Kind.CHOICE, options=options, initial=now)
    return Form(title="Priority", line="priority {priority}", submit="Set", fields=[field])


def _tag(asked: Asked, _: Around) -> Form | str:
    known = asked.conversation.tags
    if len(known) >= MOST_TAGS:
        return f"A conversation has at most {MOST_TAGS} tags."
    hint = f"Now: {', '.join(known) or 'none'}. Each is one word of at most {LONGEST_TAG} characters."
    tags = Field(name="tags", label="More tags", longest=MOST_TAGS * (LONGEST_TAG + 1), hint=hint)
    return Form(title="Tags", line="tag {tags}", submit="Add", fields=[tags])


def _untag(asked: Asked, _: Around) -> Form | str:
    if not asked.conversation.tags:
        return "It has no tags."
    options = [Option(each, short(each)) for each in asked.conversation.tags]
    tags = Field(name="tags", label="Tags to take away", kind=Kind.CHOICES, options=options)
    return Form(title="Tags", line="untag {tags}", submit="Take away", fields=[tags])


def _merge(asked: Asked, around: Around) -> Form | str:
    if asked.snapshot.absorbed is not None:
        return "This conversation was merged already. Say `@onevoice unmerge` first."
    if not around.others:
        return (
            "This customer has no other conversation. If it is the same person as another customer, "
            "say `@onevoice link #12 <reason>` first."
        )
    options = [Option(f"#{each.number}", short(_in_words(each))) for each in around.others]
    into = Field(
        name="into",
        label="Conversation that goes on",
        kind=Kind.CHOICE,
        options=options,
        initial=options[0].value,
        hint="This conversation becomes part of it. It can be undone.",
    )
    return Form(title="Merge", line="merge {into} {reason}", submit="Merge", fields=[into, reason_field()])


def _in_words(other: Other) -> str:
    status = other.status.replace("_", " ")
    return f"#{other.number} ({status}, {other.opened_at:%Y-%m-%d}) {other.subject}".rstrip()


def _split(asked: Asked, _: Around) -> Form | str:
    messages = asked.snapshot.movable
    most = min(len(messages) - 1, MOST)
    if most < 1:
        return f"The customer has written {len(messages)} message here, and one must stay."
    options = [
        Option(str(count), short(f"The last {count}, from: {_one_line(messages[-count].text)}"))
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


def _one_line(text: RichText) -> str:
    return " ".join(plain(text).split())


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
    return Form(title="Spam", line="spam {reason}", submit="It is spam", fields=[reason_field()])


FORMS: Mapping[str, Opened] = {
    "answer": _answer,
    "assign": _assign,
    "merge": _merge,
    "pass": _pass,
    "priority": _priority,
    "resolve": _resolve,
    "snooze": _snooze,
    "spam": _spam,
    "split": _split,
    "tag": _tag,
    "untag": _untag,
}
