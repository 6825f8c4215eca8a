"""The texts Onevoice sends by itself, in the customer's language; a shop writes them in `messages.yaml`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from router.consistency.language import Language, language, of_tag


class Kind(StrEnum):
    """RECEIPT: the message is here. OFF_HOURS: a receipt that says when somebody is there again. WAITING: nobody is
    free at the moment."""

    RECEIPT = "receipt"
    OFF_HOURS = "off_hours"
    WAITING = "waiting"


FIELDS = ("number", "weekday", "day", "month", "time")
"""What a text may name in braces: the conversation, and the local time of the next opening."""

_TAGS = {
    Language.SIMPLIFIED: "zh-CN",
    Language.TRADITIONAL: "zh-TW",
    Language.JAPANESE: "ja",
    Language.KOREAN: "ko",
    Language.RUSSIAN: "ru",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """One text; `subject` is the mail's, of which nothing may come from the customer (L3)."""

    subject: str
    text: str

    def filled(self, values: Mapping[str, str]) -> "Wording":
        """With the fields in their places."""
        subject, text = self.subject, self.text
        for name, value in values.items():
            subject, text = subject.replace(f"{{{name}}}", value), text.replace(f"{{{name}}}", value)
        return Wording(subject, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """Texts by kind and language tag; a kind that is left out is never sent. `names` is who says it, `weekdays` begin
    with Monday and `months` with January. Every kind has a text in the language `default`. `mail_greeting`,
    `mail_closing` and `mail_signature` are for agents' mails, by language tag: of several texts the first counts
    whose fields all have a value."""

    version: int
    default: str
    texts: Mapping[Kind, Mapping[str, Wording]]
    names: Mapping[str, str] = field(default_factory=dict)
    weekdays: Mapping[str, Sequence[str]] = field(default_factory=dict)
    months: Mapping[str, Sequence[str]] = field(default_factory=dict)
    mail_greeting: Mapping[str, Sequence[str]] = field(default_factory=dict)
    mail_closing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    mail_signature: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def tag(self, kind: Kind, asked: str, setting: str | None) -> str:
        """The language to answer in: that of the customer's words, else of their record, else the default.

        The script tells Chinese from others; whoever has a record of traditional Chinese gets it though the few
        words they wrote look the same in both scripts.
        """
        texts = self.texts[kind]
        return next((tag for tag in wanted_tags(asked, setting) if tag in texts), self.default)

    def opening(self, tag: str, at: datetime) -> dict[str, str]:
        """The fields of a local instant in words."""
        weekdays = self.weekdays.get(tag) or self.weekdays.get(self.default) or ()
        months = self.months.get(tag) or self.months.get(self.default) or ()
        return {
            "weekday": weekdays[at.weekday()] if weekdays else "",
            "day": str(at.day),
            "month": months[at.month - 1] if months else "",
            "time": f"{at:%H:%M}",
        }


def wanted_tags(asked: str, setting: str | None, *, otherwise: Sequence[str] = ("en",)) -> Sequence[str]:
    """Language tags to answer in, best first: by the customer's words and by their record. `otherwise`: those behind
    the language of a record, which may have no text."""
    spoken, recorded = language(asked), of_tag(setting)
    if spoken is Language.SIMPLIFIED and recorded is Language.TRADITIONAL:
        spoken = recorded
    if spoken in _TAGS:
        return (_TAGS[spoken],)
    if spoken is Language.LATIN and recorded is not Language.LATIN:
        return ("en",)
    if recorded in _TAGS:
        return (_TAGS[recorded],)
    if not setting:
        return ("en",) if spoken is Language.LATIN else ()
    return (setting, setting.partition("-")[0], *otherwise)
