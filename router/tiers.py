"""The tier of a customer, by an agent's word: routes, policies, the queue and facts ask for it (3.3, 4.5, D26)."""

from collections.abc import Mapping
from dataclasses import replace

from router.asked import Answer, Asked, answered
from router.decision import Decision, NewEvent, Tiered
from router.model import LONGEST_TIER
from router.policy_traits import judged_otherwise

NONE = "none"
"""The word for no tier."""

_HOW = (
    f"Say `@onevoice tier` and a tier as routes and policies name it, for example `tier vip`, of at most "
    f"{LONGEST_TIER} characters in one line, or `tier {NONE}`."
)


def tier(asked: Asked) -> Decision:
    """ "tier vip": what kind of customer this is, also for the policy of this conversation; "tier none": no other than
    the rest."""
    said, contact = asked.verb.rest.strip(), asked.snapshot.proof_contact
    now = contact.tier if contact is not None else None
    if not said or len(said) > LONGEST_TIER or not said.isprintable():
        return answered(asked, f"{_HOW} Now: {now or NONE}.")
    new = None if said.lower() == NONE else said
    if new == now:
        return answered(asked, f"The customer's tier is {now or NONE} already.")
    event = NewEvent(type="tier_changed", actor=asked.actor, payload={"from": now, "to": new})
    judged = judged_otherwise(
        asked.conversation, contact, asked.conversation.matter, asked.rules, asked.actor, tier=new or ""
    )
    told = f"The customer's tier is {new or NONE} now, said by {asked.agent.name}."
    tiered = Tiered(contact=asked.conversation.contact, tier=new)
    return replace(answered(asked, told, event, *judged), tiered=tiered)


VERBS: Mapping[str, Answer] = {"tier": tier}
