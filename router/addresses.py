"""A customer as agents name one: a mail address, a phone number, a Telegram id; as the identity that stands for it."""

import re

from router.identity import email_value
from router.model import IdentityKey

_MAIL = re.compile(r"[^\s@<>(),;:\"]{1,64}@[^\s@<>(),;:\"]{1,255}\.[^\s@<>(),;:\".]{2,63}")
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{5,20}")
_MAIL_WITHIN = re.compile(r"[a-z0-9][a-z0-9._%+-]{0,63}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,5}", re.ASCII | re.I)
_DIGITS = re.compile(r"\d(?:[ ()./-]{0,2}\d){6}")
_LINKED = re.compile(r"\s*\((?:mailto|tel):[^)]*\)")


def spelled(said: str) -> str:
    """Without what Slack makes of an address: a link to itself."""
    return _LINKED.sub("", said).removeprefix("mailto:").removeprefix("tel:").strip()


def mail_address(said: str) -> str | None:
    """The normalised mail address; None where it is none."""
    return email_value(said) if _MAIL.fullmatch(said) else None


def written_in(text: str, region: str | None) -> frozenset[IdentityKey]:
    """The mail addresses and telephone numbers in a text; a number is both as it is called from abroad and from within
    the `region` ("CN"; None: only the former), for agents name it either way."""
    found = {IdentityKey("email", email_value(each)) for each in _MAIL_WITHIN.findall(text)} if "@" in text else set()
    if _DIGITS.search(text) is not None:
        import phonenumbers  # Imported here: most texts have no such number, and the library costs 10 MB.

        for hit in phonenumbers.PhoneNumberMatcher(text, region):
            forms = phonenumbers.PhoneNumberFormat.E164, phonenumbers.PhoneNumberFormat.NATIONAL
            abroad, within = (phonenumbers.format_number(hit.number, form) for form in forms)
            found |= {IdentityKey("phone", abroad), IdentityKey("phone", "".join(filter(str.isdigit, within)))}
    return frozenset(found)


def identity_of(said: str) -> IdentityKey | None:
    """ "anna@x.com", "+47 22 12 34 56" or "@4711", the id of a Telegram user; None for anything else."""
    if said.startswith("@"):
        return IdentityKey("telegram", said[1:]) if said[1:].isascii() and said[1:].isdigit() else None
    if (mail := mail_address(said)) is not None:
        return IdentityKey("email", mail)
    if _PHONE.fullmatch(said):
        digits = "".join(char for char in said if char.isdigit())
        return IdentityKey("phone", f"+{digits}" if said.startswith("+") else digits)
    return None
