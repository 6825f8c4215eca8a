"""A customer as agents name one: a mail address, a phone number, a Telegram id; as the identity that stands for it."""

import re

from router.identity import email_value
from router.model import IdentityKey

_MAIL = re.compile(r"[^\s@<>(),;:\"]{1,64}@[^\s@<>(),;:\"]{1,255}\.[^\s@<>(),;:\".]{2,63}")
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{5,20}")
_LINKED = re.compile(r"\s*\((?:mailto|tel):[^)]*\)")


def spelled(said: str) -> str:
    """Without what Slack makes of an address: a link to itself."""
    return _LINKED.sub("", said).removeprefix("mailto:").removeprefix("tel:").strip()


def mail_address(said: str) -> str | None:
    """The normalised mail address; None where it is none."""
    return email_value(said) if _MAIL.fullmatch(said) else None


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
