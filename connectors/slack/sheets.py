"""What one agent alone is shown, as Slack blocks. What a customer may have written is text and nothing else (S23)."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from connectors.slack.actions import actions
from connectors.slack.card import ago, line, said, timed
from connectors.slack.links import link
from connectors.slack.render import clip, context, escape
from router.sheets import Choices, Entry, Footnote, Heading, Part, Sheet, Words

Json = dict[str, Any]

HEADING_LIMIT = 150
WORDS_LIMIT = 600
TITLE_LIMIT = 200
SUMMARY_LIMIT = 300
MESSAGE_BLOCKS = 50
HOME_BLOCKS = 100


def answer(sheet: Sheet, workspace: str) -> Json:
    """The acknowledgement of a command; only whoever said it sees it. It has no buttons: it cannot be shown anew."""
    lasting = Sheet(sheet.summary, tuple(each for each in sheet.parts if not isinstance(each, Choices)))
    return {
        "response_type": "ephemeral",
        "text": escape(clip(sheet.summary, SUMMARY_LIMIT)),
        "blocks": blocks(lasting, workspace)[:MESSAGE_BLOCKS],
    }


def view(sheet: Sheet, workspace: str) -> Json:
    """The Home of one member."""
    return {"type": "home", "blocks": blocks(sheet, workspace)[:HOME_BLOCKS]}


def blocks(sheet: Sheet, workspace: str) -> list[Json]:
    """One block for lines and rows of a kind that follow one another."""
    found: list[Json] = []
    for kind, parts in groupby(sheet.parts, key=type):
        found += _blocks(kind, list(parts), workspace)
    return found


def _blocks(kind: type[Part], parts: Sequence[Any], workspace: str) -> Iterator[Json]:
    if kind is Heading:
        for heading in parts:
            text = line(heading.text, HEADING_LIMIT)
            yield {"type": "header", "text": {"type": "plain_text", "text": text, "emoji": False}}
    elif kind is Words:
        yield _rich({"type": "rich_text_section", "elements": [*_lines(parts)]})
    elif kind is Entry:
        rows = [{"type": "rich_text_section", "elements": [*_row(each, workspace)]} for each in parts]
        yield _rich({"type": "rich_text_list", "style": "bullet", "indent": 0, "elements": rows})
    elif kind is Footnote:
        yield from (context([note.text]) for note in parts)
    elif kind is Choices:
        for choices in parts:
            yield from actions(choices.buttons, ())


def _lines(parts: Sequence[Words]) -> Iterator[Json]:
    for number, each in enumerate(parts):
        if number:
            yield said("\n")
        if each.lead:
            yield said(line(each.lead, WORDS_LIMIT), bold=True)
        if text := clip(each.text, WORDS_LIMIT):
            yield said(text)


def _row(entry: Entry, workspace: str) -> Iterator[Json]:
    number = f"#{entry.number}"
    address = link(workspace, entry.thread) if entry.thread is not None else ""
    yield {"type": "link", "url": address, "text": number} if address else said(number, bold=True)
    yield said(f" {line(entry.title, TITLE_LIMIT)}{f' · {line(entry.facts)}' if entry.facts else ''}")
    if entry.at is not None:
        yield from (*timed(f" · {entry.at.text} ", entry.at), *ago(entry.at))


def _rich(element: Json) -> Json:
    return {"type": "rich_text", "elements": [element]}
