"""The class a conversation is served in, by an agent's word (`service.md` 3.3, queue order)."""

from collections.abc import Mapping
from dataclasses import replace

from router.asked import Answer, Asked, answered
from router.decision import Decision, NewEvent
from router.model import Priority
from router.ownership import Ownership
from router.policy_traits import judged_otherwise


def priority(asked: Asked) -> Decision:
    """ "priority urgent": its place in the queue, and the policy of that class where there is one (D26). What the
    customer writes later can still raise it."""
    word, now = asked.verb.rest.strip().lower(), asked.conversation.priority
    if word not in set(Priority):
        return answered(asked, f"Say `@onevoice priority` and one of: {', '.join(Priority)}. Now: {now}.")
    if word == now:
        return answered(asked, f"Its priority is {now} already.")
    matter = replace(asked.conversation.matter, priority=Priority(word))
    event = NewEvent(type="priority_changed", actor=asked.actor, payload={"from": now.value, "to": word})
    judged = judged_otherwise(asked.conversation, asked.snapshot.proof_contact, matter, asked.rules, asked.actor)
    return replace(
        answered(asked, f"Its priority is {word} now.", event, *judged), matter=matter, ownership=Ownership()
    )


VERBS: Mapping[str, Answer] = {"priority": priority}
