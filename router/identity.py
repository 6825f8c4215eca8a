"""Who is who: automatic merges on verified keys, suggestions by score, disclosure (4.1)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from router.consistency.text import normalise
from router.model import Contact, Identity, IdentityKey

ACCOUNT = "account"


class Hint(StrEnum):
    """What speaks for two contacts being one person without proving it."""

    TYPED_EMAIL = "typed_email"
    ORDER = "order"
    TYPED_PHONE = "typed_phone"
    NAME = "name"
    QUESTION = "question"


SCORES: Mapping[Hint, int] = MappingProxyType(
    {Hint.TYPED_EMAIL: 40, Hint.ORDER: 30, Hint.TYPED_PHONE: 30, Hint.NAME: 10, Hint.QUESTION: 20}
)
ENOUGH = 50


class Verdict(StrEnum):
    MERGE = "merge"
    SUGGEST = "suggest"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What to do about two contacts and why: the shared verified key of a merge, the score and hints of a
    suggestion, the reason of nothing."""

    verdict: Verdict
    key: IdentityKey | None = None
    score: int = 0
    hints: tuple[Hint, ...] = ()
    reason: str = ""


def pair(one: UUID, other: UUID) -> frozenset[UUID]:
    """The unordered pair of two contacts, as "not the same" is remembered."""
    return frozenset((one, other))


def compare(
    one: Contact,
    other: Contact,
    hints: Collection[Hint] = (),
    apart: Collection[frozenset[UUID]] = (),
) -> Comparison:
    """Whether two contacts are one customer; `apart` are the pairs somebody declared not the same.

    Only an exact key that is verified (at least 1) on both sides merges by itself. Two different site accounts never
    merge automatically, and a claimed address (verification 0) never merges anything.
    """
    if pair(one.id, other.id) in apart:
        return Comparison(verdict=Verdict.NOTHING, reason="declared not the same")
    key = _shared_key(one, other)
    if key is not None and not _two_accounts(one, other):
        return Comparison(verdict=Verdict.MERGE, key=key)
    counted = tuple(hint for hint in Hint if hint in hints)
    score = sum(SCORES[hint] for hint in counted)
    if key is not None:
        return Comparison(verdict=Verdict.SUGGEST, key=key, score=score, hints=counted, reason="two site accounts")
    if score >= ENOUGH:
        return Comparison(verdict=Verdict.SUGGEST, score=score, hints=counted)
    return Comparison(verdict=Verdict.NOTHING, score=score, hints=counted, reason=f"score {score} of {ENOUGH}")


def _shared_key(one: Contact, other: Contact) -> IdentityKey | None:
    """The smallest key that both have verified; session cookies and names prove nothing."""
    theirs = {each.key for each in other.identities if each.verification >= 1}
    shared = [each.key for each in one.identities if each.verification >= 1 and each.key in theirs]
    return min(shared, key=lambda key: (key.type, key.value), default=None)


def _two_accounts(one: Contact, other: Contact) -> bool:
    mine = {each.key for each in one.identities if each.key.type == ACCOUNT}
    theirs = {each.key for each in other.identities if each.key.type == ACCOUNT}
    return bool(mine and theirs and mine != theirs)


def answered_together(verification: int, linked: Iterable[Identity]) -> frozenset[UUID]:
    """Of the contacts linked with somebody of that verification, those whose conversations their messages may join.

    A link proves nothing, and whoever wrote last in a conversation is answered there: proven ones go with proven ones,
    others with others.
    """
    return frozenset(each.contact for each in linked if (each.verification >= 1) == (verification >= 1))


def hints_between(
    asking: Contact,
    known: Contact,
    *,
    typed_emails: Collection[str] = (),
    typed_phones: Collection[str] = (),
    orders: Collection[str] = (),
    known_orders: Collection[str] = (),
    same_question: bool = False,
) -> tuple[Hint, ...]:
    """The hints that hold: typed values are normalised (`email_value`, E.164), `orders` are those mentioned."""
    of_known = {(each.key.type, each.key.value) for each in known.identities}
    name = normalise(asking.name).text
    holds = {
        Hint.TYPED_EMAIL: any(("email", email_value(each)) in of_known for each in typed_emails),
        Hint.ORDER: bool(set(orders) & set(known_orders)),
        Hint.TYPED_PHONE: any(("phone", each) in of_known for each in typed_phones),
        Hint.NAME: bool(name) and name == normalise(known.name).text,
        Hint.QUESTION: same_question,
    }
    return tuple(hint for hint, held in holds.items() if held)


def email_value(address: str) -> str:
    """A mail address as identity: IDNA lower-case domain, case-folded local part; dots and +tags are kept."""
    local, _, domain = address.strip().rpartition("@")
    try:
        host = domain.encode("idna").decode()
    except UnicodeError:
        host = domain
    return f"{local.casefold()}@{host.lower()}"


def may_disclose(verification: int, order: str | None, linked: Collection[str]) -> bool:
    """The disclosure gate: order data, address and amounts only for a verified identity linked to that order."""
    return verification >= 1 and (order is None or order in linked)
