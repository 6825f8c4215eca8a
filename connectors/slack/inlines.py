"""What both of Slack's notations share: links that are safe to pass on, and paragraphs out of lines."""

from collections.abc import Iterable

from router.richtext import Block, Break, Inline, Paragraph, RichText, Span, Style, normalise

_SCHEMES = ("https://", "http://", "mailto:", "tel:")


def linked(label: str, url: str | None, style: Style = Style.NONE) -> Span:
    """A link as the agent typed it. Slack links bare domains and addresses by itself: those stay plain text, and
    so does the label of anything that is not a web, mail or telephone address."""
    if url is None or not url.lower().startswith(_SCHEMES):
        return Span(label or url or "", style)
    if not label:
        return Span(url, style, url)
    if url.removesuffix("/") in (f"http://{label}", f"https://{label}", f"mailto:{label}"):
        return Span(label, style)
    if url.startswith("tel:") and url[4:] == "".join(char for char in label if char in "+0123456789"):
        return Span(label, style)
    return Span(label, style, url)


def paragraphs(inlines: Iterable[Inline]) -> tuple[Block, ...]:
    """Line breaks at the ends are dropped, two or more in a row part paragraphs."""
    blocks: list[Block] = []
    current: list[Inline] = []
    breaks = 0
    for inline in inlines:
        if isinstance(inline, Break):
            breaks += 1
            continue
        if isinstance(inline, Span) and not inline.text:
            continue
        if breaks and current:
            if breaks > 1:
                blocks.append(Paragraph(tuple(current)))
                current = []
            else:
                current.append(Break())
        breaks = 0
        current.append(inline)
    if current:
        blocks.append(Paragraph(tuple(current)))
    return normalise(RichText(tuple(blocks))).blocks
