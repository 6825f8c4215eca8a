"""Forms of verbs about a customer: who they are, where and how they are answered."""

from collections.abc import Mapping

from router.asked import Asked
from router.form_parts import Around, Opened, reason_field, short
from router.forms import Field, Form, Kind, Option
from router.languages import ANY
from router.legs import refusal_of, ways_of
from router.model import LONGEST_TIER
from router.tiers import NONE

LANGUAGES: Mapping[str, str] = {
    "en": "English",
    "zh-CN": "Chinese (simplified)",
    "zh-TW": "Chinese (traditional)",
    "de": "German",
    "es": "Spanish",
    "fr": "French",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "tr": "Turkish",
}
"""Languages that are offered; any other is said by its code."""


def _link(asked: Asked, _: Around) -> Form | str:
    return Form(
        title="Link customer",
        line="link {who} {reason}",
        submit="Link",
        fields=[
            Field(
                name="who",
                label="Who is the same customer",
                longest=100,
                hint="The number of a conversation (#12), a mail address or a telephone number. It can be undone.",
            ),
            reason_field(),
        ],
    )


def _language(asked: Asked, _: Around) -> Form | str:
    contact = asked.snapshot.proof_contact
    now = (contact.language if contact is not None else None) or ANY
    known = {ANY: "That of the customer's words", **LANGUAGES}
    if now not in known:
        known[now] = now
    options = [Option(code, label) for code, label in known.items()]
    field = Field(name="code", label="Language of the customer", kind=Kind.CHOICE, options=options, initial=now)
    return Form(title="Language", line="language {code}", submit="Set", fields=[field])


def _tier(asked: Asked, _: Around) -> Form | str:
    contact = asked.snapshot.proof_contact
    field = Field(
        name="tier",
        label="Tier of the customer",
        initial=(contact.tier if contact is not None else None) or NONE,
        longest=LONGEST_TIER,
        hint=f"As routes and policies name it; {NONE}: no other than the rest.",
    )
    return Form(title="Tier", line="tier {tier}", submit="Set", fields=[field])


def _via(asked: Asked, _: Around) -> Form | str:
    """Only the ways that are open; they are named by their address, for numbers may change meanwhile."""
    ways = [each for each in ways_of(asked) if refusal_of(each, asked) is None]
    addresses = [each.to.address for each in ways]
    options = [
        Option(
            each.to.address if addresses.count(each.to.address) == 1 else each.to.channel,
            short(f"{each.to.channel}: {each.to.address}{'' if each.verification else ' (not verified)'}"),
        )
        for each in ways
        if len(each.to.address) <= 150
    ]
    if len(options) < 2:
        return "There is only one way to this customer."
    hint = "Until the customer writes again."
    way = Field(name="way", label="Answer by", kind=Kind.CHOICE, options=options, hint=hint)
    return Form(title="Answer by another way", line="via {way}", submit="Answer there", fields=[way])


def _unlink(asked: Asked, _: Around) -> Form | str:
    if asked.snapshot.desk is None or len(asked.snapshot.desk.contacts) < 2:
        return "This customer is not linked with another."
    return Form(title="Unlink customer", line="unlink {reason}", submit="Unlink", fields=[reason_field()])


FORMS: Mapping[str, Opened] = {
    "language": _language,
    "link": _link,
    "tier": _tier,
    "unlink": _unlink,
    "via": _via,
}
