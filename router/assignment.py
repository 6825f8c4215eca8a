"""Who gets a conversation: the fixed decision order of `service.md` 3.3, steps 0 to 6, 8's mode and 9.

No chance and no clock: the same inputs give the same answer, whatever order the agents come in. The claim (step 7)
is a transaction and lives in storage.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import lcm

from router.agent_state import AgentState, AgentStatus
from router.assignment_filters import LAST_LEVEL, RELAXED, Excluded, Sieve, allowed_level
from router.assignment_inputs import Inputs, Mode, Strategy
from router.assignment_trace import NEVER, Assignment, DecidedBy, Handover, Ranked

_KEY_RULES = (DecidedBy.AFFINITY, DecidedBy.SKILL, DecidedBy.LOAD, DecidedBy.LAST_ASSIGNED, DecidedBy.AGENT_ID)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """Who is left and who is not, at the lowest level that leaves somebody."""

    level: int
    passing: tuple[AgentState, ...]
    excluded: tuple[Excluded, ...]


def assign(inputs: Inputs) -> Assignment:
    """Decide one conversation; "nobody" is a decision too and has its trace."""
    needs = inputs.needs
    steps: list[str] = []
    if needs.blocked is not None:
        steps.append(f"not eligible: {needs.blocked}")
        return _answer(inputs, steps, DecidedBy.NOT_ELIGIBLE)

    agents = {agent.id: agent for agent in inputs.agents}
    sieve = Sieve(needs, inputs.settings, inputs.now)

    owner, reason = _owner(inputs, agents, sieve)
    if owner is not None and reason is None:
        steps.append(f"owner {owner.id} keeps it")
        return _answer(inputs, steps, DecidedBy.KEEP_OWNER, chosen=owner)
    steps.append("no owner" if needs.owner is None else f"owner {needs.owner} not kept: {reason}")

    if needs.assign_to is not None:
        named = agents.get(needs.assign_to)
        rule = f"{_route(needs.route)} names {needs.assign_to}"
        passing, out = sieve.split([named] if named else [], LAST_LEVEL, any_team=True)
        if passing:
            steps.append(rule)
            return _answer(inputs, steps, DecidedBy.DIRECT_ROUTE, chosen=named)
        steps.append(f"{rule}, not possible: " + (f"{out[0].filter} {out[0].detail}" if out else "unknown agent"))

    steps.append(f"{_route(needs.route)} -> team {needs.team}" if needs.team else "any team")
    field = _field(inputs, sieve)
    percent = int(needs.target_consumed * 100)
    steps += [f"level {level}: nobody" for level in range(field.level)]
    steps.append(f"level {field.level} ({percent} % of target used)" + ("" if field.passing else ": nobody"))

    ranked, decided_by = _rank(inputs, sieve, field.passing)
    if not ranked:
        return _answer(inputs, steps, DecidedBy.QUEUE, field=field)
    if inputs.settings.mode is Mode.PULL:
        return _answer(inputs, steps, DecidedBy.PULL, field=field, ranked=ranked)
    return _answer(inputs, steps, decided_by, field=field, ranked=ranked, chosen=ranked[0][5])


def _owner(inputs: Inputs, agents: Mapping[str, AgentState], sieve: Sieve) -> tuple[AgentState | None, str | None]:
    """Step 1: the owner and, if the conversation cannot stay there, why not. Capacity does not matter here."""
    if inputs.needs.owner is None:
        return None, None
    owner = agents.get(inputs.needs.owner)
    if owner is None:
        return None, "unknown agent"
    if owner.deactivated:
        return owner, "deactivated"
    if owner.out_of_office(inputs.now):
        return owner, "out of office"
    if not owner.on_shift(inputs.now):
        return owner, "off shift"
    if owner.status is AgentStatus.OFFLINE:
        return owner, "offline"
    return owner, sieve.kept_away(owner.id)


def _field(inputs: Inputs, sieve: Sieve) -> _Field:
    """Steps 4 and 5. A level only asks those again whose verdict it can change: the earlier filters let them pass
    before and do so still."""
    passing, excluded = sieve.split(inputs.agents, 0)
    level = 0
    allowed = allowed_level(inputs.needs.target_consumed)
    while not passing and level < allowed:
        level += 1
        relaxed = RELAXED[level]
        passing, still = sieve.split([out.agent for out in excluded if out.filter in relaxed], level)
        excluded = [out for out in excluded if out.filter not in relaxed] + still
    excluded.sort(key=lambda out: out.agent.id)
    return _Field(level=level, passing=tuple(passing), excluded=tuple(excluded))


def _rank(inputs: Inputs, sieve: Sieve, agents: Sequence[AgentState]) -> tuple[tuple[Ranked, ...], DecidedBy]:
    """Step 6. Loads are compared as exact fractions, brought to one denominator so that they are plain integers."""
    settings, now = inputs.settings, inputs.now
    balanced = settings.strategy is Strategy.BALANCED
    capacities = {agent.capacity for agent in agents}
    denominator = lcm(*capacities)
    parts = {capacity: denominator // capacity if balanced else 0 for capacity in capacities}
    share = settings.affinity_max_load
    affinities = _affinities(inputs)
    preferred = sorted(inputs.needs.preferred_skills)
    ranked: list[Ranked] = []
    for agent in agents:
        after = agent.load + sieve.units(agent)
        affinity = affinities.get(agent.id, 2)
        if affinity < 2 and after * share.denominator > agent.capacity * share.numerator:
            affinity = 2
        skill = 0
        for name in preferred:
            skill -= agent.level_of(name, now)
        load = after * parts[agent.capacity]
        ranked.append((affinity, skill, load, agent.last_assigned_at or NEVER, agent.id, agent, after))
    ranked.sort()
    if len(ranked) < 2:
        return tuple(ranked), DecidedBy.ONLY_CANDIDATE
    keys = zip(_KEY_RULES, ranked[0], ranked[1], strict=False)
    return tuple(ranked), next(rule for rule, first, second in keys if first != second)


def _affinities(inputs: Inputs) -> dict[str, int]:
    """Agent id to 1 for the last owner of this customer, 0 for the last one of this customer and topic."""
    since = inputs.now - timedelta(days=inputs.settings.affinity_days)
    recent = [past for past in inputs.history if past.at >= since]
    same_topic = [past for past in recent if past.topic is not None and past.topic == inputs.needs.topic]
    affinities: dict[str, int] = {}
    for affinity, past_owners in ((1, recent), (0, same_topic)):
        last = max((past.at for past in past_owners), default=None)
        affinities.update({past.agent: affinity for past in past_owners if past.at == last})
    return affinities


def _answer(
    inputs: Inputs,
    steps: Iterable[str],
    decided_by: DecidedBy,
    *,
    chosen: AgentState | None = None,
    field: _Field | None = None,
    ranked: tuple[Ranked, ...] = (),
) -> Assignment:
    needs, mode = inputs.needs, inputs.settings.mode
    units = 0 if chosen is None else chosen.weight(needs.channel_type, needs.complaint)
    if chosen is None:
        handover = Handover.NONE
    elif decided_by is DecidedBy.KEEP_OWNER:
        handover = Handover.KEEP
    else:
        handover = Handover.ASSIGN if mode is Mode.ASSIGN else Handover.OFFER
    return Assignment(
        conversation=needs.conversation,
        at=inputs.now,
        trigger=inputs.trigger,
        config_version=inputs.config_version,
        chosen=chosen,
        decided_by=decided_by,
        handover=handover,
        level=0 if field is None else field.level,
        steps=tuple(steps),
        ranked=ranked,
        excluded=() if field is None else field.excluded,
        strategy=inputs.settings.strategy,
        team=needs.team_name or needs.team or "",
        blocked=needs.blocked,
        units=units,
        over_capacity=chosen is not None and chosen.load + units > chosen.capacity,
        page_lead=decided_by is DecidedBy.QUEUE and field is not None and field.level == LAST_LEVEL,
        inputs_sha256=inputs.sha256(),
    )


def _route(route: str) -> str:
    return f"route rule '{route}'" if route else "default route"
