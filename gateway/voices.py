"""What replies are checked by and messages are recognised by, out of the configuration: its standards in the place of
the shipped ones."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from gateway.document import Document, Mistake, Place, read
from gateway.settings import Settings, shipped_calendars
from gateway.standards import (
    FILES,
    RECOGNISED,
    StandardsError,
    shipped,
    to_messages,
    to_recognition,
    to_replies,
    to_standards,
)
from router.calendar_definitions import to_calendar
from router.canned_replies import Replies
from router.consistency.reply import Standards
from router.consistency.scripts import table_version
from router.consistency.workdays import Workdays
from router.recognition import Recognition
from router.rulebook import Voice
from router.standard_messages import Messages

SECTION = "standards"
DEFAULT_CALENDAR = "CN_STD"
_MORE = {"wording": ("required",)}
"""Further sections of a file of standards, beside the one of its name."""


def voice_of(settings: Settings) -> Voice | None:
    """None when checks are off. The standards were found right when the configuration was loaded."""
    checks = settings.checks
    if checks.mode == "off":
        return None
    return Voice(
        standards=_compiled(_stored(settings)),
        calendar=calendar_of(settings),
        lead_after_chat=checks.lead_after_chat,
        lead_after_mail=checks.lead_after_mail,
    )


def calendar_of(settings: Settings) -> Workdays:
    """What promised days are counted by."""
    name = settings.promise_calendar or DEFAULT_CALENDAR
    calendars = {**shipped_calendars(), **settings.calendars}
    return Workdays(to_calendar(name, calendars[name]))


def changed_standards(settings: Settings, folder: Path) -> Standards:
    """The standards of a configuration with the files of a folder in the place of its own. Raises StandardsError."""
    documents, content = _documents(settings.standards, {(): Place(SECTION, 1)}, FILES)
    digest = hashlib.sha256(f"{table_version()}{_stored(settings)}".encode() + content)
    for name in FILES:
        path = folder / f"{name}.yaml"
        if path.is_file():
            documents[name] = read(path, {})
            digest.update(path.read_bytes())
    return to_standards(documents, digest.hexdigest())


def recognition_of(settings: Settings) -> Recognition:
    """What inbound messages are recognised by; it needs the topics only, not everything replies are checked by."""
    if settings.checks.mode != "off":
        standards = _compiled(_stored(settings))
        return Recognition(topics=standards.topics, thanks=standards.thanks)
    return to_recognition(_documents(settings.standards, {(): Place(SECTION, 1)}, RECOGNISED)[0])


def messages_of(settings: Settings) -> Messages:
    """What customers are told automatically."""
    if settings.checks.mode != "off":
        return _compiled(_stored(settings)).messages
    return to_messages(_documents(settings.standards, {(): Place(SECTION, 1)}, ("messages",))[0]["messages"])


def replies_of(settings: Settings) -> Replies:
    """The replies that agents find written."""
    if settings.checks.mode != "off":
        return _compiled(_stored(settings)).replies
    return to_replies(_documents(settings.standards, {(): Place(SECTION, 1)}, ("replies",))[0]["replies"])


def mistakes(document: Document) -> list[Mistake]:
    """What is wrong with the section `standards` of a configuration, with file and line."""
    whole = document.value
    value = whole.get(SECTION) if isinstance(whole, Mapping) else None
    if not isinstance(value, Mapping) or not value:
        return []
    places = {keys[1:]: place for keys, place in document.places.items() if keys[:1] == (SECTION,)}
    unknown = [
        Mistake(document.place((SECTION, key)), (SECTION, key), f"unknown key; the keys here are {', '.join(FILES)}")
        for key, each in value.items()
        if key not in _known() and not _is_calendar(each)
    ]
    try:
        _to_standards(value, places)
    except StandardsError as error:
        return unknown + [Mistake(each.place, (SECTION, *each.keys), each.sentence) for each in error.mistakes]
    return unknown


def _known() -> set[str]:
    return {*FILES, *(key for more in _MORE.values() for key in more)}


def _is_calendar(value: object) -> bool:
    """`include: standards/` brings the calendars of that folder as well."""
    return isinstance(value, Mapping) and not {"weekly", "always", "tz"}.isdisjoint(value)


def _stored(settings: Settings) -> str:
    return json.dumps(settings.standards, default=str, sort_keys=True)


@lru_cache(maxsize=2)
def _compiled(value: str) -> Standards:
    return _to_standards(json.loads(value), {(): Place(SECTION, 1)})


def _to_standards(value: Mapping[str, Any], places: Mapping[Any, Place]) -> Standards:
    """Raises StandardsError."""
    documents, shipped_content = _documents(value, places, FILES)
    digest = hashlib.sha256(f"{table_version()}{json.dumps(value, default=str, sort_keys=True)}".encode())
    digest.update(shipped_content)
    return to_standards(documents, digest.hexdigest())


def _documents(
    value: Mapping[str, Any], places: Mapping[Any, Place], names: Iterable[str]
) -> tuple[dict[str, Document], bytes]:
    """The shop's own sections where they are given, else those that come with Onevoice, and the bytes of the latter."""
    documents: dict[str, Document] = {}
    content = b""
    for name in names:
        keys = (name, *_MORE.get(name, ()))
        if any(key in value for key in keys):
            own = {key: value[key] for key in keys if key in value}
            documents[name] = Document(places=dict(places), value=own)
        else:
            path = shipped() / f"{name}.yaml"
            documents[name] = read(path, {})
            content += path.read_bytes()
    return documents, content
