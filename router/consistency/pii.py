"""W-PII: personal data, secrets and internals that must not leave in a reply (`service.md` 4.1, 4.7)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from router.consistency.findings import Finding, Level, Place, Rule
from router.consistency.patterns import Pattern, Spans
from router.consistency.text import Haystack, Normal, Span


class Secret(StrEnum):
    CARD = "card number"
    NATIONAL_ID = "identity number"
    PASSWORD = "password or code"  # noqa: S105  a name
    PHONE = "phone number"
    EMAIL = "e-mail address"
    ADDRESS = "postal address"
    SLACK_ID = "Slack id"
    INTERNAL_URL = "internal address"


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What belongs to the customer who is written to. `disclosable`: their identity is verified (at least 1) and
    linked to the order; otherwise even their own record must not be repeated to them (4.1)."""

    phones: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    addresses: tuple[str, ...] = ()
    disclosable: bool = True


NOBODY = Own()


@dataclass(frozen=True, slots=True, kw_only=True)
class PiiRules:
    """The shop's own contacts (`phones` as digits, `emails` whole or "@domain", `addresses`), `region` for phone
    numbers without a country ("CN"), hosts of internal services, and where a postal address is the shop's own
    (退货地址)."""

    version: int
    region: str
    phones: frozenset[str]
    emails: frozenset[str]
    addresses: tuple[str, ...]
    internal: Pattern
    secret: Pattern
    postal: Pattern
    own_postal: Pattern
    labelled: Sequence[Pattern]


_CARD = Pattern(r"\b[3-6]\d{3}(?:[ -]?\d){8,15}\b|\b2[2-7]\d{2}(?:[ -]?\d){12}\b")
_NATIONAL_ID = Pattern(r"\b[1-9]\d{5}\s?(?:18|19|20)\d{2}\s?(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\s?\d{3}[\dx]\b")
_EMAIL = Pattern(r"[a-z0-9][a-z0-9._%+-]{0,63}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,5}")
_PHONE = Pattern(
    r"\+\d{1,3}[ -]?\(?\d{1,4}\)?(?:[ -]?\d){5,11}\b|\b1[3-9]\d(?:[ -]?\d{4}){2}\b|\b0\d{2,3}-\d{7,8}\b"
    r"|\(\d{3}\)\s?\d{3}-\d{4}\b|\b\d{3}-\d{3}-\d{4}\b"
)
_SLACK_ID = Pattern(r"\b[UWCDGTB]0[A-Z0-9]{7,11}\b", raw=True)
_MENTION = ("<@", "<#", "<!")
_HOTLINE = Pattern(r"(?:400|800)-?\d{3}-?\d{4}|(?:\+?1-?)?8(?:00|33|44|55|66|77|88)-\d{3}-\d{4}")  # nobody's own number
_SUSPECT = Pattern(r"\d{4}|@|\d{3}[ -]")


def secrets(whole: Normal, original: str, rules: PiiRules, own: Own) -> Iterator[tuple[Secret, Span]]:
    """What the whole text gives away, quotations included: a card number in quotes is still a card number.

    Spans are in the original text. Own contacts of the shop and data of this very customer are left out.
    """
    for hit in rules.secret.hits(whole):
        yield Secret.PASSWORD, whole.original(hit.start, hit.end)
    for hit in rules.internal.hits(whole):
        yield Secret.INTERNAL_URL, whole.original(hit.start, hit.end)
    for hit in _SLACK_ID.hits(Haystack(original)):
        mentioned = original[max(0, hit.start - 2) : hit.start] in _MENTION  # that is W-MARKUP, and taken out
        if not mentioned and any(char.isdigit() for char in original[hit.start + 2 : hit.end]):
            yield Secret.SLACK_ID, (hit.start, hit.end)
    if _SUSPECT.found(whole):
        yield from _numbers(whole, rules, own)
    yield from _postal(whole, rules, own)


def _numbers(whole: Normal, rules: PiiRules, own: Own) -> Iterator[tuple[Secret, Span]]:
    taken = Spans(hit.groups["no"] for pattern in rules.labelled for hit in pattern.hits(whole))
    for hit in _CARD.hits(whole):
        text = whole.text[hit.start : hit.end]
        if not taken.overlap((hit.start, hit.end)) and _is_card("".join(filter(str.isdigit, text))):
            taken.add((hit.start, hit.end))
            yield Secret.CARD, whole.original(hit.start, hit.end)
    for hit in _NATIONAL_ID.hits(whole):
        if not taken.overlap((hit.start, hit.end)) and _is_national_id(whole.text[hit.start : hit.end]):
            taken.add((hit.start, hit.end))
            yield Secret.NATIONAL_ID, whole.original(hit.start, hit.end)
    for hit in _EMAIL.hits(whole):
        text = whole.text[hit.start : hit.end].rstrip(".-")
        if not _may_show(text, own.emails, own) and not _is_listed(text, rules.emails):
            yield Secret.EMAIL, whole.original(hit.start, hit.start + len(text))
    theirs = frozenset(map(_digits, own.phones))
    for hit in _PHONE.hits(whole):
        text = whole.text[hit.start : hit.end]
        if taken.overlap((hit.start, hit.end)) or _HOTLINE.full(Haystack(text)) or not _is_phone(text, rules.region):
            continue
        digits = _digits(text)
        if not _may_show(digits, theirs, own) and digits not in rules.phones:
            yield Secret.PHONE, whole.original(hit.start, hit.end)


def _postal(whole: Normal, rules: PiiRules, own: Own) -> Iterator[tuple[Secret, Span]]:
    known = [each for each in map(_letters, (*rules.addresses, *(own.addresses if own.disclosable else ()))) if each]
    for hit in rules.postal.hits(whole):
        text = _letters(whole.text[hit.start : hit.end])
        if any(each in text or _ends_in(text, each) for each in known):
            continue
        # "return address: ..." is the shop's own; the ledger compares it with what was said before
        if rules.own_postal.found(Haystack(whole.text[max(0, hit.start - 30) : hit.start])):
            continue
        yield Secret.ADDRESS, whole.original(hit.start, hit.end)


def _ends_in(text: str, known: str) -> bool:
    """The match may have taken a few words before the address with it (寄到上海市...)."""
    return any(text[skip:] in known for skip in range(min(9, len(text) - 5)))


def _may_show(value: str, theirs: frozenset[str], own: Own) -> bool:
    return own.disclosable and value in theirs


def _is_listed(address: str, listed: frozenset[str]) -> bool:
    return address in listed or f"@{address.rpartition('@')[2]}" in listed


def _letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _digits(text: str) -> str:
    """Digits without the country code of a mainland number, so that +86 138... equals 138..."""
    digits = "".join(char for char in text if char.isdigit())
    return digits[2:] if len(digits) == 13 and digits.startswith("861") else digits


_LENGTHS = {"4": (13, 16, 19), "5": (16,), "2": (16,), "6": (16, 17, 18, 19), "3": (14, 15, 16)}


def _is_card(digits: str) -> bool:
    """A number of an issuer's form with a valid Luhn sum: an order number passes the sum one time in ten."""
    if len(digits) not in _LENGTHS.get(digits[0], ()) or len(set(digits)) == 1:
        return False
    if digits[0] == "5" and not "51" <= digits[:2] <= "55":
        return False
    if digits[0] == "3" and digits[:2] not in ("30", "34", "35", "36", "37", "38", "39"):
        return False
    if digits[0] == "6" and digits[:2] not in ("60", "62", "64", "65"):
        return False
    from stdnum import luhn  # loaded when a candidate was seen: the package is large

    return bool(luhn.is_valid(digits))


def _is_national_id(text: str) -> bool:
    from stdnum.cn import ric  # as above

    return bool(ric.is_valid(text.replace(" ", "").upper()))


def _is_phone(text: str, region: str) -> bool:
    import phonenumbers  # as above

    try:
        parsed = phonenumbers.parse(text, None if text.startswith("+") else region)
        plausible = phonenumbers.is_valid_number(parsed)
    except phonenumbers.NumberParseException:
        plausible = False
    # numbers of other countries written in their local form
    return plausible or (not text.startswith("+") and "(" in text) or text.count("-") == 2


def leaks(
    whole: Normal, original: str, rules: PiiRules, own: Own, place: Place, checks: Mapping[str, Rule]
) -> list[Finding]:
    """W-PII, one finding for each thing given away; the finding names its kind, never repeats it in words."""
    rule = checks["W-PII"]
    if rule.level_at(place) is Level.OFF:
        return []
    return [
        rule.finding(place, span, values={"kind": kind.value}) for kind, span in secrets(whole, original, rules, own)
    ]
