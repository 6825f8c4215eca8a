"""HTML of a mail to rich text (F, e-mail column): linear guards first, then one walk over the parsed tree."""

import html
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from router.richtext import (
    Block,
    Break,
    Emoji,
    FileRef,
    Inline,
    ListBlock,
    Paragraph,
    Pre,
    Quote,
    RichText,
    Span,
    Style,
)
from router.richtext import normalise as canonical

SIZE_LIMIT = 2 * 1024 * 1024
DEPTH_LIMIT = 200

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]{0,20})")
_ANY_TAG = re.compile(r"<[^<>]*>")
_SPACE = re.compile(r"[ \t\r\n\f]+")
_OPTIONAL_END = {
    "p",
    "li",
    "td",
    "th",
    "tr",
    "dt",
    "dd",
    "option",
    "thead",
    "tbody",
    "tfoot",
    "colgroup",
    "body",
    "html",
}
_VOID = {"br", "img", "hr", "meta", "link", "input", "col", "area", "base", "wbr", "source", "embed", "param"}
_SKIPPED = {
    "script",
    "style",
    "head",
    "title",
    "template",
    "noscript",
    "object",
    "svg",
    "math",
    "iframe",
    "select",
    "-comment",
}
_LINE_TAGS = {
    "div",
    "tr",
    "dt",
    "dd",
    "section",
    "article",
    "header",
    "footer",
    "address",
    "table",
    "center",
    "form",
    "main",
}
_PARAGRAPH_TAGS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "fieldset", "figure"}
_STYLES = {
    "b": Style.BOLD, "strong": Style.BOLD, "i": Style.ITALIC, "em": Style.ITALIC, "s": Style.STRIKE,
    "strike": Style.STRIKE, "del": Style.STRIKE, "code": Style.CODE, "tt": Style.CODE, "kbd": Style.CODE,
    "h1": Style.BOLD, "h2": Style.BOLD, "h3": Style.BOLD,
}  # fmt: skip
_WEIGHT = re.compile(r"font-weight\s*:\s*(bold|[6-9]00|normal|[1-5]00)", re.I)
_SLANT = re.compile(r"font-style\s*:\s*(italic|oblique)", re.I)
_LINE_THROUGH = re.compile(r"text-decoration[a-z-]*\s*:[^;]{0,60}line-through", re.I)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.I)
_LINK_SCHEMES = {"http", "https", "mailto", "tel"}


def to_rich_text(markup: str, files: Mapping[str, tuple[int, str]] | None = None) -> RichText:
    """The visible text with its styles. `files`: lower-case Content-ID to (index, name) of the mail's attachments.

    A tree deeper than 200 or larger than 2 MB is not parsed (that would be quadratic); its tags are cut out.
    """
    if len(markup) > SIZE_LIMIT or depth(markup) > DEPTH_LIMIT:
        return _stripped(markup[:SIZE_LIMIT])
    body = LexborHTMLParser(markup).body
    if body is None:
        return RichText()
    walk = _Walk(files or {})
    walk.children(body, Style.NONE, None)
    return canonical(RichText(walk.finish()))


def depth(markup: str) -> int:
    """How deep tags nest at most, in one pass; tags that close by themselves are not counted."""
    deepest = level = 0
    for slash, name in _TAG.findall(markup):
        lowered = name.lower()
        if lowered in _VOID or lowered in _OPTIONAL_END:
            continue
        level = max(level - 1, 0) if slash else level + 1
        deepest = max(deepest, level)
    return deepest


def referenced(markup: str) -> set[str]:
    """The lower-case Content-IDs an HTML text shows as images (P4)."""
    return {html.unescape(each).strip("<> ").lower() for each in _CID.findall(markup)}


_CID = re.compile(r"""["'(=]\s{0,5}cid:([^"'()\s>]{1,300})""", re.I)


def _stripped(markup: str) -> RichText:
    text = html.unescape(_ANY_TAG.sub(" ", markup))
    lines = (_SPACE.sub(" ", line).strip() for line in text.split("\n"))
    return canonical(RichText(tuple(Paragraph((Span(line),)) for line in lines if line)))


class _Walk:
    """Builds blocks while it walks: a line is a list of inlines, a block ends at a paragraph's end or an empty line."""

    def __init__(self, files: Mapping[str, tuple[int, str]]) -> None:
        self._files = files
        self._blocks: list[Block] = []
        self._lines: list[list[Inline]] = [[]]
        self._space = False

    def finish(self) -> tuple[Block, ...]:
        self._paragraph()
        return tuple(self._blocks)

    def children(self, node: LexborNode, style: Style, link: str | None) -> None:
        child = node.child
        while child is not None:
            self._node(child, style, link)
            child = child.next

    def _node(self, node: LexborNode, style: Style, link: str | None) -> None:
        tag = node.tag or ""
        if tag == "-text":
            self._text(node.text_content or "", style, link)
            return
        if tag in _SKIPPED:
            return
        style |= _STYLES.get(tag, Style.NONE)
        if css := node.attributes.get("style"):
            if _HIDDEN.search(css):
                return
            style = _styled(style, css)
        match tag:
            case "br":
                self._break()
            case "img":
                self._image(node, style, link)
            case "a":
                self.children(node, style, _safe_link(node.attributes.get("href")) or link)
            case "pre":
                self._paragraph()
                self._blocks.append(Pre(node.text().strip("\n")))
            case "blockquote":
                self._paragraph()
                self._blocks.append(Quote(self._inside(node, style)))
            case "ul" | "ol":
                self._list(node, style, ordered=tag == "ol")
            case "td" | "th":
                self._space = bool(self._lines[-1])
                self.children(node, style, link)
                self._space = True
            case _ if tag in _PARAGRAPH_TAGS:
                self._paragraph()
                self.children(node, style, link)
                self._paragraph()
            case _ if tag in _LINE_TAGS:
                self._line()
                self.children(node, style, link)
                self._line()
            case _:
                self.children(node, style, link)

    def _inside(self, node: LexborNode, style: Style) -> tuple[Block, ...]:
        walk = _Walk(self._files)
        walk.children(node, style, None)
        return walk.finish()

    def _list(self, node: LexborNode, style: Style, *, ordered: bool) -> None:
        self._paragraph()
        items: list[tuple[Block, ...]] = []
        child = node.child
        while child is not None:
            if child.tag in ("ul", "ol") and items:  # a nested list written beside its item
                walk = _Walk(self._files)
                walk._list(child, style, ordered=child.tag == "ol")
                items[-1] += walk.finish()
            elif child.tag not in ("-text", "-comment"):
                items.append(self._inside(child, style))
            child = child.next
        self._blocks.append(ListBlock(tuple(items), ordered=ordered))

    def _text(self, text: str, style: Style, link: str | None) -> None:
        words = _SPACE.sub(" ", text)
        if words.startswith(" "):
            words = words[1:]
            self._space = self._space or bool(self._lines[-1])
        if not words:
            return
        line = self._lines[-1]
        if self._space and line:
            self._give_space(line, style, link)
        self._space = words.endswith(" ")
        line.append(Span((words[:-1] if self._space else words).replace("\xa0", " "), style, link))

    def _give_space(self, line: list[Inline], style: Style, link: str | None) -> None:
        """A collapsed space belongs to the span before it, unless only the next one is plain."""
        last = line[-1]
        if isinstance(last, Span) and (last.style, last.link) == (style, link):
            line[-1] = Span(last.text + " ", style, link)
        else:
            line.append(Span(" "))
        self._space = False

    def _image(self, node: LexborNode, style: Style, link: str | None) -> None:
        source = (node.attributes.get("src") or "").strip()
        alternative = _SPACE.sub(" ", node.attributes.get("alt") or "").strip()
        if source[:4].lower() == "cid:" and (file := self._files.get(source[4:].strip("<> ").lower())):
            self._inline(FileRef(*file))
        elif (
            alternative and len(alternative) <= 8 and not any(char.isalnum() or char.isspace() for char in alternative)
        ):
            self._inline(Emoji(alternative))
        elif alternative:
            self._inline(Span(f"[{alternative[:200]}]", style, link))

    def _inline(self, inline: Inline) -> None:
        line = self._lines[-1]
        if self._space and line:
            line.append(Span(" "))
        self._space = False
        line.append(inline)

    def _line(self) -> None:
        """The next text starts on a new line."""
        self._space = False
        if self._lines[-1]:
            self._lines.append([])

    def _break(self) -> None:
        """A `<br>`: a second one in a row makes an empty line, and that ends a paragraph."""
        self._space = False
        if self._lines[-1]:
            self._lines.append([])
        else:
            self._paragraph()

    def _paragraph(self) -> None:
        self._space = False
        children: list[Inline] = []
        for line in self._lines:
            if any(not isinstance(each, Span) or each.text.strip() for each in line):
                children += [Break(), *line] if children else line
        if children:
            self._blocks.append(Paragraph(tuple(children)))
        self._lines = [[]]


def _styled(style: Style, css: str) -> Style:
    if weight := _WEIGHT.search(css):
        heavy = weight[1].lower() not in ("normal", "100", "200", "300", "400", "500")
        style = style | Style.BOLD if heavy else style & ~Style.BOLD
    if _SLANT.search(css):
        style |= Style.ITALIC
    if _LINE_THROUGH.search(css):
        style |= Style.STRIKE
    return style


def _safe_link(href: str | None) -> str | None:
    """The URL when it leads somewhere harmless; "javascript:" and relative ones are no links."""
    url = (href or "").strip()
    if not url or len(url) > 2000:
        return None
    try:
        scheme = urlsplit(url).scheme.lower()
    except ValueError:
        return None
    return url if scheme in _LINK_SCHEMES else None
