"""How Telegram's server judges a text and its entities: trimmed, nested, in UTF-16 units, with its own error texts."""

from collections.abc import Mapping
from typing import Any

ENTITY_LIMIT = 100
TYPES = frozenset(
    {
        "mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bold", "italic", "underline",
        "strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre", "text_link", "text_mention",
        "custom_emoji", "date_time",
    }
)  # fmt: skip
DETECTED = frozenset({"mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number"})
PROTOCOLS = ("http://", "https://", "tg://", "ton://", "tonsite://")

Entity = dict[str, Any]


def checked(text: str, entities: list[Mapping[str, Any]]) -> tuple[str, list[Entity]]:
    """The text and entities as the server keeps them; ValueError holds its words of refusal.

    Entities that it would find by itself are left out, and so is whatever lies inside `pre` and `code`.
    """
    units = text.encode("utf-16-le", "surrogatepass")
    kept: list[Entity] = []
    ends: list[int] = []
    sealed = 0
    read = [_read(entity) for entity in entities[:ENTITY_LIMIT]]
    for entity in sorted(read, key=lambda each: (each["offset"], -each["length"])):
        start, end = entity["offset"], entity["offset"] + entity["length"]
        while ends and ends[-1] <= start:
            ends.pop()
        if end > (ends[-1] if ends else len(units) // 2):
            raise ValueError(
                f"entity beginning at UTF-16 offset {start} ends after the end of the text at UTF-16 offset {end}"
            )
        for at, verb in ((start, "begins"), (end, "ends")):
            if 0 < 2 * at < len(units) and 0xDC00 <= int.from_bytes(units[2 * at : 2 * at + 2], "little") <= 0xDFFF:
                raise ValueError(f"entity {verb} in a middle of a UTF-16 symbol at byte offset {at}")
        ends.append(end)
        if start < sealed or entity["type"] in DETECTED or start == end:
            continue
        if entity["type"] in {"pre", "code"}:
            sealed = end
        kept.append(entity)
    return _trimmed(text, kept)


def _read(entity: Mapping[str, Any]) -> Entity:
    try:
        read = {**entity, "offset": int(entity["offset"]), "length": int(entity["length"])}
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError('can\'t parse MessageEntity: Field "offset" must be of type Number') from error
    if read.get("type") not in TYPES:
        raise ValueError("can't parse MessageEntity: Unsupported type specified")
    if read["offset"] < 0 or read["length"] < 0:
        raise ValueError("can't parse entities: negative offset or length")
    url = read.get("url")
    if read["type"] == "text_link" and not str(url).lower().startswith(PROTOCOLS):
        raise ValueError(f"entity URL '{url}' is invalid: Unsupported URL protocol")
    return read


def _trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Without white space at both ends, as the server keeps it; entities move and shrink along."""
    stripped = text.strip(" \n\t\r")
    if stripped == text:
        return text, entities
    first = len(text[: len(text) - len(text.lstrip(" \n\t\r"))])
    size = units(stripped)
    moved: list[Entity] = []
    for entity in entities:
        start = max(0, entity["offset"] - first)
        end = min(size, entity["offset"] + entity["length"] - first)
        if start < end:
            moved.append({**entity, "offset": start, "length": end - start})
    return stripped, moved


def units(text: str) -> int:
    """The length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
