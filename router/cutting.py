"""What the desk sees of a customer's text: a long one is cut, and a button shows the whole (S22)."""

from router.forms import ASKS
from router.model import CardButton
from router.richtext import RichText, of_text, plain
from router.splitting import split

LONGEST_SHOWN = 7_600
"""Characters that are shown as they are, in two posts at most: each post is a second of everybody's in the channel."""
BEGINNING = 2_800
"""Characters that are shown of what is longer."""
TOO_LONG = 30_000
"""Characters whose formatting is not worth the work of cutting it."""
SHOW_ALL = CardButton(line=f"show{ASKS}", label="Show all")


def shown(text: RichText) -> tuple[RichText, tuple[CardButton, ...]]:
    """The text, or its beginning with a button; the whole is stored in any case."""
    whole = plain(text)
    if len(whole) <= LONGEST_SHOWN:
        return text, ()
    beginning = split(text, BEGINNING, "chars")[0] if len(whole) <= TOO_LONG else of_text(whole[:BEGINNING])
    rest = of_text(f"[The message goes on: {len(whole):,} characters in all.]")
    return RichText((*beginning.blocks, *rest.blocks)), (SHOW_ALL,)
