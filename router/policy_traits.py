"""Which policy judges a conversation by what is known of it, and that another one may once more is known (D25, D26)."""

from collections.abc import Iterator

from router.decision import NewEvent
from router.model import Contact, Conversation, Matter
from router.rulebook import Rulebook
from router.targets import Policy, first_match


def tier_of(said: str | None, contact: Contact | None) -> str | None:
    """The customer's tier: what the message says of it, also that there is none, else the one they have."""
    if said is not None:
        return said or None
    return contact.tier if contact is not None else None


def traits_of(
    rules: Rulebook,
    channel: str,
    language: str | None,
    contact: Contact | None,
    matter: Matter,
    *,
    tier: str | None = None,
) -> dict[str, str]:
    """What policies may ask about (D26). `language` and `tier` are those of the message, else the customer's own
    count."""
    found = {
        "channel": channel,
        "channel_type": rules.channel(channel).type.value,
        "priority": matter.priority.value,
    }
    if matter.topic is not None:
        found["topic"] = matter.topic
    if spoken := language or (contact.language if contact else None):
        found["language"] = spoken
    if held := tier_of(tier, contact):
        found["tier"] = held
    return found


def judged_by(policy: Policy) -> dict[str, object]:
    """The policy as events name it."""
    return {"policy": policy.id, "policy_version": policy.version} if policy.id else {}


def judged_otherwise(
    conversation: Conversation,
    contact: Contact | None,
    matter: Matter,
    rules: Rulebook,
    actor: str,
    *,
    channel: str | None = None,
    language: str | None = None,
    tier: str | None = None,
) -> Iterator[NewEvent]:
    """Another policy may fit what the conversation is about now (D26); the channel stays that of its opener (D25),
    `channel` where that is not known."""
    first = min((leg for leg in conversation.legs if not leg.desk), key=lambda leg: leg.id, default=None)
    opener = first.channel if first is not None else channel
    if opener is None or opener not in rules.channels:
        return
    policy = first_match(rules.policies, traits_of(rules, opener, language, contact, matter, tier=tier))
    if policy is not None and policy.id != conversation.policy:
        yield NewEvent(type="policy_changed", actor=actor, payload=judged_by(policy))
