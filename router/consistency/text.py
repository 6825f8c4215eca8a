"""`norm` of `service.md` 4.0: the form of a text that rules look at, with every offset back to the original."""

import unicodedata
from collections.abc import Iterable, Sequence

from router.consistency.scripts import simplified

Span = tuple[int, int]

_JOINERS = {"\uff9e", "\uff9f"}  # half-width voicing marks: NFKC joins them to the letter before
_PLAIN = {
    "‘": "'", "’": "'", "ʼ": "'", "`": "`", "‛": "'",
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "−": "-",
    "〜": "~", "～": "~", "﹣": "-",
}  # fmt: skip
_LINE_ENDS = "\n\r\x0b\x0c\x85\u2028\u2029"


class Haystack:
    """A text ready for RE2, which counts bytes where Python counts characters."""

    __slots__ = ("_known", "text", "utf8")

    def __init__(self, text: str) -> None:
        self.text = text
        self.utf8 = text.encode("utf-8", "surrogatepass")
        self._known = (0, 0)  # a byte offset and its character offset: the next one asked for is near

    def char(self, byte: int) -> int:
        """The character offset of a byte offset that lies on a character border."""
        if len(self.utf8) == len(self.text):
            return byte
        near, char = self._known
        if byte >= near:
            char += len(self.utf8[near:byte].decode("utf-8", "surrogatepass"))
        else:
            char -= len(self.utf8[byte:near].decode("utf-8", "surrogatepass"))
        self._known = (byte, char)
        return char


class Normal(Haystack):
    """A normalised text: `starts[i]` and `ends[i]` are the borders in the original, `source`, of its character i."""

    def __init__(self, text: str, starts: Sequence[int], ends: Sequence[int], source: str) -> None:
        super().__init__(text)
        self.source = source
        self.starts = starts
        self.ends = ends

    def original(self, start: int, end: int) -> Span:
        """The span of the original text that a span of this one came from."""
        if not self.text:
            return (0, 0)
        if start >= end:
            at = self.starts[start] if start < len(self.starts) else self.ends[-1]
            return (at, at)
        return (self.starts[start], self.ends[end - 1])


def _fold(unit: str) -> str:
    folded = unicodedata.normalize("NFKC", unit)
    folded = "".join(simplified(_PLAIN.get(char, char)) for char in folded)
    return unicodedata.normalize("NFKC", folded.casefold())


def _is_mark(char: str) -> bool:
    return unicodedata.combining(char) != 0 or char in _JOINERS or "\u1160" <= char <= "\u11ff"


class _Characters(dict[str, str | None]):
    """What each character becomes, "" for an invisible one, None for one that joins the one before."""

    def __missing__(self, char: str) -> str | None:
        if len(self) > 20_000:
            self.clear()
        self[char] = folded = self._folded(char)
        return folded

    @staticmethod
    def _folded(char: str) -> str | None:
        if char in _LINE_ENDS:
            return "\n"
        if char.isspace():
            return " "
        if unicodedata.category(char) in ("Cf", "Cc", "Cs") or "\ufe00" <= char <= "\ufe0f":
            return ""
        return None if _is_mark(char) else _fold(char)


_CHARACTERS = _Characters()
_COLLAPSING = ("  ", " \n", "\n ", "\n\n")


def normalise(text: str) -> Normal:
    """NFKC, invisible characters out, traditional to simplified, case folded, spaces collapsed.

    A line end stays a line end (clauses need it); empty lines collapse.
    """
    if text.isascii() and text.replace("\n", "").isprintable() and _is_close_set(lower := text.lower()):
        return _character_by_character(lower, text)
    pieces = [_CHARACTERS[char] for char in text]
    if None not in pieces and "" not in pieces:
        plain = "".join(pieces)  # type: ignore[arg-type]  # no None among them
        if len(plain) == len(text) and _is_close_set(plain):
            return _character_by_character(plain, text)
    return _with_offsets(text, pieces)


def close_set(text: str) -> str:
    """Without empty lines and runs of spaces: normalising is then several times faster. For whom needs no offsets."""
    return "\n".join(" ".join(words) for line in text.splitlines() if (words := line.split()))


def _is_close_set(text: str) -> bool:
    return text == text.strip(" \n") and not any(each in text for each in _COLLAPSING)


def _character_by_character(plain: str, text: str) -> Normal:
    return Normal(plain, range(len(text)), range(1, len(text) + 1), text)


def _with_offsets(text: str, pieces: list[str | None]) -> Normal:
    """The general way, where characters vanish, grow or join."""
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    unit_out = unit_at = 0  # where the last unit began, in `out` and in `text`
    index, length = 0, len(text)
    while index < length:
        folded = pieces[index]
        stop = index + 1
        if folded is None:
            while stop < length and pieces[stop] is None:
                stop += 1
            at = unit_at if out else index
            folded = _fold("".join(char for char in text[at:stop] if _CHARACTERS[char] != ""))
            del out[unit_out:], starts[unit_out:], ends[unit_out:]
            index = at
        elif folded in (" ", "\n"):
            if not out or out[-1] == "\n" or (folded == " " and out[-1] == " "):
                index = stop
                continue
            if out[-1] == " ":
                out[-1], ends[-1] = folded, stop
                index = stop
                continue
        if folded:
            unit_out, unit_at = len(out), index
            out += folded
            starts += [index] * len(folded)
            ends += [stop] * len(folded)
        index = stop
    while out and out[-1] in " \n":
        out.pop(), starts.pop(), ends.pop()
    return Normal("".join(out), starts, ends, text)


_PAIRS = {"「": "」", "『": "』", "“": "”"}
_HEADERS = ("发件人:", "from:")


def _is_quote_head(lines: list[str], index: int) -> bool:
    """True where a mail program starts to repeat the earlier message."""
    line = lines[index].strip()
    if len(line) > 300:
        return False
    if line.endswith("wrote:") and line.startswith("on "):
        return True
    if line.endswith("写道:") and any(char.isdigit() or char == "@" for char in line):
        return True
    if line.startswith("-----") and line.strip("- ") in ("original message", "原始邮件", "forwarded message"):
        return True
    if line.startswith(_HEADERS):
        following = [each.strip() for each in lines[index + 1 : index + 4]]
        return any(each.startswith(("发送时间:", "日期:", "收件人:", "sent:", "date:", "to:")) for each in following)
    return False


def quoted_spans(text: str) -> list[Span]:
    """Spans of a normalised text that are somebody else's words: `>` lines, 「」 “”, and a mail's repeated history."""
    spans: list[Span] = []
    at = 0
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if _is_quote_head(lines, index):
            spans.append((at, len(text)))
            break
        if line.lstrip().startswith(">"):
            spans.append((at, min(at + len(line) + 1, len(text))))
        at += len(line) + 1
    for opening, closing in _PAIRS.items():
        begin = text.find(opening)
        while begin >= 0:
            end = text.find(closing, begin + 1)
            if end < 0:
                break
            spans.append((begin, end + 1))
            begin = text.find(opening, end + 1)
    return _joined(spans)


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def without_quotes(normal: Normal) -> Normal:
    """The same text without quotations; each leaves one space, so that its neighbours do not grow together."""
    spans = quoted_spans(normal.text)
    if not spans:
        return normal
    text: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    for start, end in spans:
        text.append(normal.text[at:start])
        starts += normal.starts[at:start]
        ends += normal.ends[at:start]
        filler = "\n" if normal.text[end - 1] == "\n" else " "
        text.append(filler)
        starts.append(normal.starts[start])
        ends.append(normal.ends[end - 1])
        at = end
    text.append(normal.text[at:])
    starts += normal.starts[at:]
    ends += normal.ends[at:]
    return Normal("".join(text), starts, ends, normal.source)
