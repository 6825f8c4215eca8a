"""Forms of verbs that write to a customer: canned replies with a look before they leave, a new conversation, a
transcript."""

from collections.abc import Mapping

from router.asked import Asked
from router.canned import meant_by
from router.canned_replies import looked_for
from router.form_parts import Around, Opened, short
from router.forms import ASKS, LONGEST, Field, Form, Kind, Option
from router.model import CardButton
from router.richtext import Paragraph, Quote, RichText, Span, of_text
from router.starts import CUSTOMER

OTHERS = 5
"""Other languages of a canned reply that are offered."""


def _replies(asked: Asked, _: Around) -> Form | str:
    """One is chosen, then looked at, then sent."""
    found = looked_for(asked.rules.replies, asked.verb.rest.strip(), asked.conversation.topic)
    if not found:
        return "There are no canned replies."
    options = [Option(each.id, short(each.title), " ".join((*each.topics, *each.texts.values()))) for each in found]
    hint = "Type to search. You see it filled in before it is sent."
    reply = Field(name="reply", label="Canned reply", kind=Kind.CHOICE, options=options, hint=hint)
    return Form(title="Canned replies", line=f"canned {{reply}}{ASKS}", submit="Look at it", fields=[reply])


def _canned(asked: Asked, _: Around) -> Form | str:
    """As it would leave; what is sent is exactly what was looked at."""
    meant = meant_by(asked)
    if isinstance(meant, str):
        return meant
    head = Paragraph((Span(f"{meant.reply.title} ({meant.tag}), as the customer will read it:"),))
    others = [
        CardButton(line=f"canned {meant.reply.id}:{tag}{ASKS}", label=f"In {tag}")
        for tag in meant.reply.texts
        if tag != meant.tag
    ]
    return Form(
        title="Canned reply",
        line=meant.line,
        submit="Send",
        said=RichText((head, Quote(of_text(meant.filled.text).blocks))),
        buttons=others[:OTHERS],
    )


def _start(asked: Asked, _: Around) -> Form | str:
    channels = [each for each in asked.rules.channels.values() if not asked.rules.is_desk(each.id)]
    options = [Option(each.id, short(f"{each.id} ({each.type})")) for each in channels]
    return Form(
        title="New conversation",
        line="start {channel} {to} {text}",
        submit="Start",
        fields=[
            Field(name="channel", label="Channel", kind=Kind.CHOICE, options=options),
            Field(
                name="to",
                label="To",
                initial=CUSTOMER,
                longest=320,
                hint=f"{CUSTOMER}: the customer of this thread. By mail any address.",
            ),
            Field(
                name="text",
                label="First message",
                kind=Kind.TEXT,
                longest=LONGEST,
                hint="In a mail a first line `Subject: ...` is the subject. It is checked like every reply.",
            ),
        ],
    )


def _transcript(_: Asked, __: Around) -> Form | str:
    hint = "Left empty: the address of this conversation, or one that is proven to be theirs. Notes never leave."
    to = Field(name="to", label="Mail address", required=False, longest=320, hint=hint)
    return Form(title="Transcript", line="transcript {to}", submit="Send", fields=[to])


FORMS: Mapping[str, Opened] = {
    "canned": _canned,
    "replies": _replies,
    "start": _start,
    "transcript": _transcript,
}
