"""The form a channel wants: length, lines, links, files, and a mail's subject and answers (4.9)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from router.consistency.findings import Finding, Place, Rule
from router.consistency.patterns import Pattern
from router.consistency.text import Haystack, Normal, normalise
from router.consistency.wording import RequiredElements
from router.model import Attachment, ChannelType


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Characters are counted in `unit`: chars, utf16 (Telegram) or utf8 (bytes). Nothing past `hard` is sent in one
    piece; past `warn` or `lines` the agent is asked. `files` are content types allowed ("image/*"), all when empty;
    `file_size` is in bytes."""

    warn: int | None = None
    lines: int | None = None
    hard: int = 4000
    unit: str = "chars"
    files: tuple[str, ...] = ()
    file_size: int = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatRules:
    """Limits a channel type, the domains that may be linked, and how a case number stands in a mail's subject."""

    version: int
    limits: Mapping[ChannelType, Limits]
    domains: frozenset[str]
    case_token: Pattern


_LINK = Pattern(r"(?:https?://|\bwww\.)(?P<host>[a-z0-9.-]+)", raw=False)
_TABLE = Pattern(r"(?m)^\s*\|.+\|\s*$", raw=True)


def length(text: str, unit: str) -> int:
    """The length as a channel counts it."""
    match unit:
        case "utf16":
            return len(text.encode("utf-16-le", "surrogatepass")) // 2
        case "utf8":
            return len(text.encode("utf-8", "surrogatepass"))
        case _:
            return len(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the form is judged by beside the text. `first`: no human reply came before in this cycle. `questions` is
    the customer's last message; `subject` None where the channel has none."""

    first: bool = False
    attachments: Sequence[Attachment] = ()
    subject: str | None = None
    questions: str = ""


_FEW_QUESTIONS = 2
_SHORT_REPLY = 40


def form(
    original: str,
    normal: Normal,
    shape: Shape,
    rules: FormatRules,
    required: RequiredElements,
    place: Place,
    checks: Mapping[str, Rule],
) -> list[Finding]:
    """All FMT findings of one reply."""
    limits = rules.limits.get(place.channel_type, rules.limits[ChannelType.WEBCHAT])
    return [
        *_length(original, limits, place, checks),
        *_files(shape.attachments, limits, place, checks),
        *_links(normal, rules, place, checks),
        *_chat(original, normal, shape, required, place, checks),
        *_mail(original, shape, rules, place, checks),
    ]


def _length(original: str, limits: Limits, place: Place, checks: Mapping[str, Rule]) -> list[Finding]:
    size = length(original, limits.unit)
    lines = original.rstrip("\n").count("\n") + 1
    span = (0, len(original))
    if size > limits.hard:
        return [checks["FMT-HARD"].finding(place, span, said=str(size), approved=str(limits.hard))]
    found: list[Finding] = []
    if limits.warn is not None and size > limits.warn:
        found.append(checks["FMT-LENGTH"].finding(place, span, said=str(size), approved=str(limits.warn)))
    if limits.lines is not None and lines > limits.lines:
        found.append(checks["FMT-LINES"].finding(place, span, said=str(lines), approved=str(limits.lines)))
    return found


def _files(files: Sequence[Attachment], limits: Limits, place: Place, checks: Mapping[str, Rule]) -> list[Finding]:
    found: list[Finding] = []
    for file in files:
        if file.size > limits.file_size:
            found.append(
                checks["FMT-FILE"].finding(place, said=f"{file.name} ({file.size} B)", values={"file": file.name})
            )
        elif limits.files and not any(_is_type(file.content_type, each) for each in limits.files):
            found.append(
                checks["FMT-FILE"].finding(place, said=f"{file.name} ({file.content_type})", values={"file": file.name})
            )
    return found


def _is_type(content_type: str, allowed: str) -> bool:
    return content_type == allowed or (allowed.endswith("/*") and content_type.startswith(allowed[:-1]))


def _links(normal: Normal, rules: FormatRules, place: Place, checks: Mapping[str, Rule]) -> list[Finding]:
    found: list[Finding] = []
    for hit in _LINK.hits(normal):
        start, end = hit.groups["host"]
        host = normal.text[start:end].strip(".")
        host = host.removeprefix("www.")
        if not any(host == domain or host.endswith(f".{domain}") for domain in rules.domains):
            found.append(checks["FMT-LINK"].finding(place, normal.original(hit.start, hit.end), said=host))
    return found


def _chat(
    original: str, normal: Normal, shape: Shape, required: RequiredElements, place: Place, checks: Mapping[str, Rule]
) -> list[Finding]:
    if not place.is_chat:
        return []
    found: list[Finding] = []
    greeting = required.elements["greeting"].search(Haystack(normal.text[:10]))
    if place.channel_type is ChannelType.WEBCHAT and not shape.first and greeting is not None and shape.questions:
        span = normal.original(greeting.start, greeting.end)
        found.append(checks["FMT-GREETING"].finding(place, span, said=original[slice(*span)]))
    if place.channel_type is ChannelType.TELEGRAM and (table := _TABLE.search(Haystack(original))) is not None:
        found.append(checks["FMT-TABLE"].finding(place, (table.start, table.end)))
    return found


def _mail(original: str, shape: Shape, rules: FormatRules, place: Place, checks: Mapping[str, Rule]) -> list[Finding]:
    if place.channel_type is not ChannelType.EMAIL:
        return []
    found: list[Finding] = []
    if shape.subject is not None and not rules.case_token.found(normalise(shape.subject)):
        found.append(checks["FMT-SUBJECT"].finding(place, said=shape.subject))
    asked = normalise(shape.questions).text.count("?")
    if asked >= _FEW_QUESTIONS and len(original.strip()) < _SHORT_REPLY:
        found.append(checks["FMT-QUESTIONS"].finding(place, (0, len(original)), said=str(asked)))
    return found
