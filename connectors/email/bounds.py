"""A text of a size that can be decided about, stored and shown; what lies beyond stays in the original mail."""

from collections.abc import Iterable

from router.richtext import Block, Inline, ListBlock, Paragraph, Pre, Quote, RichText, Span

PIECES = 5_000
CHARACTERS = 200_000

_MORE = "[the rest is too long to be shown: see the original mail]"


def bounded(text: RichText) -> RichText:
    """The text up to 5,000 pieces (blocks, lines, spans) and 200,000 characters, and a sentence when there is more."""
    room = _Room()
    kept = RichText(room.blocks(text.blocks))
    return kept if not room.cut else RichText((*kept.blocks, Paragraph((Span(_MORE),))))


class _Room:
    """How much may still be taken."""

    def __init__(self) -> None:
        self.cut = False
        self._pieces = PIECES
        self._characters = CHARACTERS

    def blocks(self, blocks: Iterable[Block]) -> tuple[Block, ...]:
        kept: list[Block] = []
        for block in blocks:
            if not self._take():
                break
            match block:
                case Paragraph(children):
                    kept.append(Paragraph(self._inlines(children)))
                case Pre(text, language):
                    kept.append(Pre(self._characters_of(text), language))
                case Quote(inner):
                    kept.append(Quote(self.blocks(inner)))
                case ListBlock(items, ordered, start):
                    kept.append(ListBlock(tuple(self._items(items)), ordered, start))
        return tuple(kept)

    def _items(self, items: Iterable[tuple[Block, ...]]) -> Iterable[tuple[Block, ...]]:
        for item in items:
            if not self._take():
                return
            yield self.blocks(item)

    def _inlines(self, children: Iterable[Inline]) -> tuple[Inline, ...]:
        kept: list[Inline] = []
        for child in children:
            if not self._take():
                break
            match child:
                case Span(text, style, link) if len(text) > self._characters:
                    kept.append(Span(self._characters_of(text), style, link))
                case Span(text):
                    self._characters -= len(text)
                    kept.append(child)
                case _:
                    kept.append(child)
        return tuple(kept)

    def _take(self) -> bool:
        """Room for one more piece."""
        if self._pieces <= 0 or self._characters <= 0:
            self.cut = True
            return False
        self._pieces -= 1
        return True

    def _characters_of(self, text: str) -> str:
        kept = text[: self._characters]
        self._characters -= len(kept)
        self.cut = self.cut or len(kept) < len(text)
        return kept
