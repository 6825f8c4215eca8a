"""Which skills in a configuration count no more."""

from datetime import datetime

from gateway.settings import Settings, to_rulebook
from gateway.voices import voice_of
from router.instants import to_text
from router.model import Capabilities


def skill_notes(settings: Settings, now: datetime) -> list[str]:
    """The certificates that have ended, in sentences."""
    rules = to_rulebook(settings, {each.id: Capabilities() for each in settings.channels}, voice_of(settings))
    return [
        f"agent {agent.id} gets nothing for the skill {name}: the certificate ended {to_text(skill.certified_until)}; "
        "renew certified_until or take the skill out"
        for agent in rules.agents.values()
        for name, skill in agent.skills.items()
        if skill.certified_until is not None and not skill.holds(now)
    ]
