"""Which form a verb has: each noun brings its own. Opening one changes nothing."""

from collections.abc import Mapping

from router import conversation_forms, customer_forms, held_forms, reply_forms
from router.asked import Asked
from router.form_parts import Around, Opened, short
from router.forms import ASKS, Field, Form, Kind, Option
from router.model import CardButton
from router.richtext import RichText
from router.splitting import split

PAGE = 2_800
"""Characters of one piece of a long text; Slack takes 3,000 in a block."""
PIECES = 3
"""Pieces on one page."""


def form_of(asked: Asked, around: Around) -> Form | str:
    """The form of the verb that was asked for."""
    known = FORMS.get(asked.verb.name)
    return known(asked, around) if known is not None else f"There is no form for {asked.verb.name!r}."


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
    options = [Option(each.line, short(each.label)) for each in offered]
    do = Field(name="do", label=f"Conversation #{asked.conversation.number}", kind=Kind.CHOICE, options=options)
    return Form(title="Onevoice", line="{do}", submit="Go on", fields=[do])


FORMS: Mapping[str, Opened] = {
    **conversation_forms.FORMS,
    **customer_forms.FORMS,
    **held_forms.FORMS,
    **reply_forms.FORMS,
    "actions": _actions,
    "show": _show,
}
"""The form of each verb that has one; the others say it all."""
