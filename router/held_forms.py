"""Forms of verbs about a held reply: the one its button names, or the one the agent means."""

from collections.abc import Mapping

from router.asked import Asked
from router.form_parts import Around, Opened, reason_field
from router.forms import LONGEST, Field, Form, Kind
from router.held_notices import ref_of
from router.releases import meant
from router.richtext import of_text, plain

SHOWN = 2_800
"""Characters of a held reply above the reason."""


def _held(verb: str, title: str, *, required: bool) -> Opened:
    """A verb about a held reply, the one its button names or the agent means: why."""

    def opened(asked: Asked, _: Around) -> Form | str:
        held, _reason_given = meant(asked)
        if isinstance(held, str):
            return held
        hint = "The reason is kept on record." if required else ""
        return Form(
            title=title,
            line=f"{verb} {ref_of(held.target.message)} {{reason}}",
            submit=title,
            said=of_text(plain(held.target.message.text)[:SHOWN]),
            fields=[reason_field(required=required, hint=hint)],
        )

    return opened


def _reword(asked: Asked, _: Around) -> Form | str:
    """The words of a held reply, to be changed."""
    held, _rest = meant(asked)
    if isinstance(held, str):
        return held
    words = plain(held.target.message.text)
    if len(words) > LONGEST:
        return "It is too long for a form: edit your message in Slack instead."
    text = Field(name="text", label="What the customer is to read", kind=Kind.TEXT, initial=words)
    line = f"reword {ref_of(held.target.message)} {{text}}"
    return Form(title="Edit held reply", line=line, submit="Check and send", fields=[text])


FORMS: Mapping[str, Opened] = {
    "correct": _held("correct", "Send as correction", required=True),
    "discard": _held("discard", "Discard", required=False),
    "reword": _reword,
    "send": _held("send", "Send anyway", required=True),
}
