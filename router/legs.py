"""The way an answer takes: by another leg of the conversation or another address of its customer, until they write.

A leg that nobody has proven is refused where the current one is proven: what was said there stays there (4.1).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from router.addresses import mail_address, spelled
from router.asked import Answer, Asked, answered
from router.decision import Address, Decision, NewEvent
from router.identity import may_disclose
from router.model import ChannelType, Leg
from router.planning import customer_leg


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where the customer might be answered. `leg`: the conversation has it already."""

    to: Address
    verification: int
    leg: Leg | None = None
    closed: bool = False


def via(asked: Asked) -> Decision:
    """ "via mail", "via 2", "via anna@x.com": answers go there from now on, until the customer writes again."""
    ways = list(ways_of(asked))
    said = spelled(asked.verb.rest)
    if not said:
        return answered(
            asked, "\n".join(("Say `@onevoice via` and the number of a way to the customer:", *_listed(ways, asked)))
        )
    found = _meant(said, ways)
    if not found:
        known = "\n".join(_listed(ways, asked))
        return answered(asked, f"The customer is not known at {said!r}. Ways to them:\n{known}")
    if len(found) > 1:
        return answered(asked, "\n".join((f"There are several ways by {said}; say the number:", *_listed(ways, asked))))
    way = found[0]
    current = customer_leg(asked.conversation)
    if way.leg is not None and current is not None and way.leg.id == current.id:
        return answered(asked, f"Answers go to {_shown(way)} already.")
    if (refusal := refusal_of(way, asked)) is not None:
        return answered(asked, refusal)
    event = NewEvent(
        type="leg_chosen",
        actor=asked.actor,
        payload={"channel": way.to.channel, "from": current.channel if current is not None else None},
    )
    said = f"Answers go to {_shown(way)} now, until the customer writes again."
    return replace(answered(asked, said, event), choose=way.to)


def ways_of(asked: Asked) -> Iterator[Way]:
    """The conversation's own legs in the order they came, then where else the customer has written, then their mail
    addresses."""
    desk = asked.snapshot.desk
    proven = {each.key: each.verification for each in desk.identities} if desk is not None else {}
    seen: set[tuple[str, str]] = set()

    def way(to: Address, leg: Leg | None = None, *, closed: bool = False) -> Iterator[Way]:
        known = asked.rules.channels.get(to.channel)
        if known is not None and (to.channel, to.address) not in seen:
            seen.add((to.channel, to.address))
            level = proven.get(to.identity, 0) if to.identity is not None else 0
            yield Way(to=to, verification=level, leg=leg, closed=closed)

    for leg in sorted(asked.conversation.legs, key=lambda each: each.id):
        if not leg.desk:
            to = Address(
                channel=leg.channel, address=leg.address, identity=leg.identity, last_remote_id=leg.last_remote_id
            )
            yield from way(to, leg, closed=leg.closed)
    for each in asked.snapshot.lookup.reach:
        to = Address(channel=each.channel, address=each.address, identity=each.identity)
        yield from way(to, closed=each.closed)
    if (mail := mail_channel(asked)) is not None:
        for key in proven:
            if key.type == "email":
                yield from way(Address(channel=mail, address=key.value, identity=key))


def mail_channel(asked: Asked) -> str | None:
    """Where mail of ours leaves: the conversation's own mail channel, else the first there is; None without one."""
    channels = asked.rules.channels
    own = [leg.channel for leg in asked.conversation.legs if not leg.desk and leg.channel in channels]
    mails = (each for each in (*own, *channels) if channels[each].type is ChannelType.EMAIL)
    return next(mails, None)


def refusal_of(way: Way, asked: Asked) -> str | None:
    """Why the customer is not answered there; None when they may be."""
    if way.closed:
        return unreachable(way)
    desk, current = asked.snapshot.desk, customer_leg(asked.conversation)
    level = (
        next((each.verification for each in desk.identities if current and each.key == current.identity), 0)
        if desk
        else 0
    )
    if level > way.verification and not may_disclose(way.verification, None, ()):
        return (
            f"Not done: nobody has proven that {_shown(way)} is this customer's, and what is said here is for them "
            "only. Ask them to write from there."
        )
    return None


def unreachable(way: Way) -> str:
    """What is said of a way that is closed (T12)."""
    return f"The customer cannot be reached at {_shown(way)} any more: they have blocked us there, or it is gone."


def _meant(said: str, ways: list[Way]) -> list[Way]:
    """By number, by address, or by channel."""
    if said.isdecimal() and len(said) < 4:
        return ways[int(said) - 1 : int(said)] if int(said) else []
    address = mail_address(said) or said
    if exact := [each for each in ways if each.to.address == address]:
        return exact
    found = [each for each in ways if each.to.channel.casefold() == said.casefold()]
    own = [each for each in found if each.leg is not None]
    return own if len(own) == 1 else found


def _listed(ways: list[Way], asked: Asked) -> Iterator[str]:
    current = customer_leg(asked.conversation)
    for number, each in enumerate(ways, 1):
        marks = [
            "answers go there" if current is not None and each.leg is not None and each.leg.id == current.id else "",
            "cannot be reached" if each.closed else "",
            "" if each.verification else "not verified",
        ]
        yield " · ".join((f"{number}. {_shown(each)}", *(mark for mark in marks if mark)))
    if not ways:
        yield "none."


def _shown(way: Way) -> str:
    return f"{way.to.address} on {way.to.channel}"


VERBS: Mapping[str, Answer] = {"via": via}
