"""Which skills in a configuration count no more."""

from datetime import datetime

from router.instants import to_text
from router.rulebook import Rulebook


def skill_notes(rules: Rulebook, now: datetime) -> list[str]:
    """The certificates that have ended, in sentences."""
    return [
        f"agent {agent.id} gets nothing for the skill {name}: the certificate ended {to_text(skill.certified_until)}; "
        "renew certified_until or take the skill out"
        for agent in rules.agents.values()
        for name, skill in agent.skills.items()
        if skill.certified_until is not None and not skill.holds(now)
    ]
