"""Two customers who are perhaps one: whoever looks after the conversation is asked, and decides (`service.md` 4.1)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from router.addresses import written_in
from router.clusters import Asking
from router.consistency.orders import order_numbers
from router.consistency.text import close_set, normalise
from router.decision import Decision, NewEvent, Outcome, Reason
from router.duplicates import Features, likeness
from router.identity import Hint, Verdict, compare, hints_between
from router.model import CardButton, Contact, Conversation, IdentityKey
from router.planning import notice
from router.recognition import LONGEST
from router.rulebook import Rulebook

RULE = "same-customer"
ACTOR = "system:suggestions"
APART = "not-same"

_WHY: Mapping[Hint, str] = {
    Hint.TYPED_EMAIL: "their mail address was written here",
    Hint.ORDER: "their order was named here",
    Hint.TYPED_PHONE: "their telephone number was written here",
    Hint.NAME: "they have the same name",
    Hint.QUESTION: "they ask the same",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentioned:
    """What a message names that may be somebody else's: addresses and numbers, orders."""

    keys: Collection[IdentityKey] = ()
    orders: Collection[str] = ()

    def __bool__(self) -> bool:
        return bool(self.keys or self.orders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Somebody whom a customer may be: with the identities of everybody linked with them, the orders they named, and
    what they asked lately and when. `named` is what a "link" calls them: "#12", or an address."""

    contact: Contact
    named: str
    orders: Collection[str] = ()
    asked: Sequence[tuple[datetime, Features]] = ()


def mentioned(text: str, rules: Rulebook) -> Mentioned:
    """What a customer's words name."""
    text = close_set(text[:LONGEST])
    topics, voice = rules.recognition, rules.voice
    orders = order_numbers(normalise(text), topics.topics.orders) if topics is not None else ()
    region = voice.standards.pii.region if voice is not None else None
    return Mentioned(keys=written_in(text, region), orders=[each.number for each in orders])


def hints(asking: Asking, customer: Contact, candidate: Candidate, mentioned: Mentioned) -> tuple[Hint, ...]:
    """What speaks for the customer who asks being that other one, if it is enough to ask an agent."""
    found = hints_between(
        customer,
        candidate.contact,
        typed_emails=[each.value for each in mentioned.keys if each.type == "email"],
        typed_phones=[each.value for each in mentioned.keys if each.type == "phone"],
        orders=mentioned.orders,
        known_orders=candidate.orders,
        same_question=any(
            likeness(asking.features, features, asking.at - at).duplicate for at, features in candidate.asked
        ),
    )
    return found if compare(customer, candidate.contact, found).verdict is Verdict.SUGGEST else ()


def suggested(conversation: Conversation, candidate: Candidate, why: Sequence[Hint]) -> Decision:
    """The thread is asked whether they are the same."""
    reasons = ", ".join(_WHY[each] for each in why)
    who = " ".join(each for each in (candidate.contact.name, f"({candidate.named})") if each)
    said = f"Perhaps this customer is {who} as well: {reasons}. Nothing of it is proven."
    return Decision(
        outcome=Outcome.STORED,
        reasons=(Reason(RULE, said),),
        conversation=conversation,
        events=(
            NewEvent(
                type="contact_suggested",
                actor=ACTOR,
                payload={"contact": candidate.contact.id.hex, "hints": list(why), "why": [[RULE, said]]},
            ),
        ),
        deliveries=notice(
            conversation,
            said,
            about=subject(conversation, candidate.named),
            buttons=(
                CardButton(line=f"link {candidate.named} suggested: {reasons}", label="Same customer", primary=True),
                CardButton(line=f"{APART} {candidate.named}", label="Not the same"),
            ),
        ),
    )


def subject(conversation: Conversation, named: str) -> str:
    """What the question is about, whether the customer is somebody whom a "link" names so."""
    return f"{RULE}:{conversation.id.hex}:{named}"
