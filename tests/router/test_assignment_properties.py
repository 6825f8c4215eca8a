"""What holds for every assignment, found against an independent, slow and literal reading of `service.md` 3.3."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import orjson
from hypothesis import assume, given
from hypothesis import strategies as st

from router.agent_state import AgentState, AgentStatus, Shift, Skill
from router.assignment import assign
from router.assignment_inputs import AssignmentSettings, Exclusion, Inputs, Mode, PastOwner, Strategy
from router.assignment_retry import retry_at
from router.model import ChannelType
from tests.router.assignment_cases import NOW, agent, needs

IDS = ["alice", "bob", "carol", "dave", "erin"]
EARLIER, LATER = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
ON, OFF = Shift(start_at=NOW, end_at=LATER), Shift(start_at=EARLIER, end_at=NOW)

AGENT_QUIRKS: list[dict[str, Any]] = [
    {"name": "安"},
    {"teams": frozenset()},
    {"teams": frozenset({"tier2"})},
    {"teams": frozenset({"tier2"})},
    {"channels": frozenset({"mail"})},
    {"languages": frozenset({"zh-TW"})},
    {"languages": frozenset({"en"})},
    {"capacity": 0},
    {"capacity": 7},
    {"capacity": 18},
    {"weights": {"webchat": 1, "complaint": 0}},
    {"deactivated": True},
    {"ooo_until": LATER},
    {"ooo_until": NOW},
    {"ooo_from": LATER, "ooo_until": LATER + timedelta(days=1)},
    {"shifts": ()},
    {"shifts": (OFF,), "on_call": True},
    {"shifts": (OFF,), "on_call": True, "status": AgentStatus.OFFLINE},
    {"shifts": (OFF, ON)},
    {"status": AgentStatus.AWAY},
    {"status": AgentStatus.AWAY},
    {"status": AgentStatus.BREAK, "status_at": EARLIER},
    {"status": AgentStatus.OFFLINE},
    {"do_not_disturb": True},
    {"window_count": 5},
    {"window_count": 2, "window_limit": 2},
    {"window_count": 6, "window_limit": 7},
    {"load": 12},
]
NEEDS_QUIRKS: list[dict[str, Any]] = [
    {"owner": "bob"},
    {"owner": "gone"},
    {"assign_to": "bob", "route": "vip"},
    {"assign_to": "gone"},
    {"channel": "mail", "channel_type": ChannelType.EMAIL},
    {"channel": "mail", "channel_type": ChannelType.EMAIL},
    {"team": None},
    {"overflow_team": "tier2"},
    {"overflow_team": "tier2"},
    {"language": None},
    {"language": "zh-TW"},
    {"language": "fr", "language_fallback": True},
    {"topic": None},
    {"complaint": True},
    {"required_skills": frozenset({"repair"})},
    {"required_skills": frozenset({"repair", "refund"})},
    {"preferred_skills": frozenset({"refund"})},
    {"preferred_skills": frozenset({"refund", "repair"})},
    {"excluded": (Exclusion(agent="bob", reason="conflict"), Exclusion(agent="carol", reason="passed", until=NOW))},
    {"excluded": (Exclusion(agent="alice", reason="passed", until=LATER),)},
    {"blocked": "void"},
]
SKILLS: list[dict[str, Skill]] = [
    {},
    {"refund": Skill(level=2)},
    {"refund": Skill(level=3, certified_until=NOW), "repair": Skill(level=1)},
    {"refund": Skill(level=1), "repair": Skill(level=1, certified_until=LATER)},
]


def quirky(quirks: list[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Up to three deviations from the usual, so that filters fail and yet somebody is left to rank."""
    return st.lists(st.sampled_from(quirks), max_size=3).map(
        lambda drawn: dict(pair for one in drawn for pair in one.items())
    )


def agents_named(id_: str) -> st.SearchStrategy[AgentState]:
    return st.builds(
        lambda load, last, skills, quirks: agent(
            id_, **{"load": load, "last_assigned_at": last, "skills": skills} | quirks
        ),
        st.integers(0, 9),
        st.sampled_from([None, EARLIER, NOW]),
        st.sampled_from(SKILLS),
        quirky(AGENT_QUIRKS),
    )


wishes = st.builds(
    lambda quirks, eighths: needs(**{"target_consumed": Fraction(eighths, 8)} | quirks),
    quirky(NEEDS_QUIRKS),
    st.integers(0, 9),
)
pasts = st.builds(
    PastOwner,
    agent=st.sampled_from(IDS),
    at=st.integers(0, 40).map(lambda days: NOW - timedelta(days=days)),
    topic=st.sampled_from([None, "refund", "logistics"]),
)
rosters = st.lists(st.sampled_from(IDS), unique=True, min_size=1).flatmap(
    lambda ids: st.tuples(*[agents_named(id_) for id_ in ids])
)
decisions = st.builds(
    Inputs,
    now=st.just(NOW),
    needs=wishes,
    agents=rosters,
    history=st.lists(pasts, max_size=3).map(tuple),
    settings=st.builds(
        AssignmentSettings,
        mode=st.sampled_from([Mode.OFFER, Mode.ASSIGN, Mode.ASSIGN, Mode.PULL]),
        strategy=st.sampled_from(Strategy),
    ),
)

Answer = tuple[str | None, str, int, dict[str, str], list[str]]


def answer(inputs: Inputs) -> Answer:
    """Chosen, rule, level, who failed which filter, ranking."""
    decision = assign(inputs)
    return (
        None if decision.chosen is None else decision.chosen.id,
        decision.decided_by.value,
        decision.level,
        {out.agent.id: out.filter.value for out in decision.excluded},
        [one[4] for one in decision.ranked],
    )


def oracle(inputs: Inputs) -> Answer:
    """`service.md` 3.3 word by word: every filter for every agent at every level, loads as fractions."""
    needs, now = inputs.needs, inputs.now
    by_id = {agent.id: agent for agent in inputs.agents}
    if needs.blocked:
        return None, "not_eligible", 0, {}, []
    kept_away = {entry.agent for entry in needs.excluded if entry.until is None or now < entry.until}
    owner = by_id.get(needs.owner or "")
    if (
        owner
        and not owner.deactivated
        and not is_out(owner, now)
        and is_on(owner, now)
        and owner.status != "offline"
        and owner.id not in kept_away
    ):
        return owner.id, "keep_owner", 0, {}, []
    named = by_id.get(needs.assign_to or "")
    if named and all(passes for _, passes in judge(inputs, named, 4, kept_away)[1:]):
        return named.id, "direct_route", 0, {}, []
    top = min(4, int(needs.target_consumed * 4))
    for level in range(top + 1):
        failed = {
            agent.id: next((name for name, passes in judge(inputs, agent, level, kept_away) if not passes), None)
            for agent in inputs.agents
        }
        passing = [agent for agent in inputs.agents if failed[agent.id] is None]
        if passing or level == top:
            break
    out = {id_: name for id_, name in failed.items() if name}
    keys = {agent.id: key(inputs, agent) for agent in passing}
    ranking = sorted(keys, key=lambda id_: keys[id_])
    if not ranking:
        return None, "queue", level, out, []
    if inputs.settings.mode is Mode.PULL:
        return None, "pull", level, out, ranking
    if len(ranking) == 1:
        return ranking[0], "only_candidate", level, out, ranking
    names = ["affinity", "skill", "load", "last_assigned", "agent_id"]
    first, second = keys[ranking[0]], keys[ranking[1]]
    rule = next(name for name, one, other in zip(names, first, second, strict=True) if one != other)
    return ranking[0], rule, level, out, ranking


def is_out(agent: AgentState, now: datetime) -> bool:
    return bool(agent.ooo_until and (agent.ooo_from or now) <= now < agent.ooo_until)


def is_on(agent: AgentState, now: datetime) -> bool:
    return agent.shifts is None or any(shift.start_at <= now < shift.end_at for shift in agent.shifts)


def has(agent: AgentState, skill: str, now: datetime) -> int:
    one = agent.skills.get(skill)
    return one.level if one and (one.certified_until is None or now < one.certified_until) else 0


def units(inputs: Inputs, agent: AgentState) -> int:
    needs = inputs.needs
    base = {"webchat": 3, "telegram": 2, "email": 1, "complaint": 2} | dict(agent.weights)
    return base[needs.channel_type.value] + (base["complaint"] if needs.complaint else 0)


def judge(inputs: Inputs, agent: AgentState, level: int, kept_away: set[str]) -> list[tuple[str, bool]]:
    needs, now = inputs.needs, inputs.now
    teams = {needs.team} | ({needs.overflow_team} if level >= 2 else set())
    called = level >= 4 and agent.on_call and not is_on(agent, now)
    chat = needs.channel_type is not ChannelType.EMAIL
    absent = {AgentStatus.OFFLINE}
    if chat:
        absent |= {AgentStatus.BREAK} | ({AgentStatus.AWAY} if level < 3 else set())
    spoken = needs.language is None or {needs.language, needs.language[:2]} & agent.languages
    limit = inputs.settings.window_limit if agent.window_limit is None else agent.window_limit
    return [
        ("F1", needs.team is None or bool(teams & agent.teams)),
        ("F2", not agent.deactivated),
        ("F3", needs.channel in agent.channels),
        ("F4", not is_out(agent, now)),
        ("F5", is_on(agent, now) or called),
        ("F6", called or (agent.status not in absent and not (chat and agent.do_not_disturb))),
        ("F7", agent.id not in kept_away),
        ("F8", all(has(agent, skill, now) for skill in needs.required_skills)),
        ("F9", bool(spoken) or (level >= 3 and needs.language_fallback)),
        ("F10", agent.capacity > 0 and agent.load + units(inputs, agent) <= agent.capacity),
        ("F11", level >= 1 or agent.window_count < limit),
    ]


def key(inputs: Inputs, agent: AgentState) -> tuple[int, int, Fraction, datetime, str]:
    needs, now, settings = inputs.needs, inputs.now, inputs.settings
    recent = [past for past in inputs.history if now - past.at <= timedelta(days=30)]
    topical = [past for past in recent if past.topic and past.topic == needs.topic]
    share = Fraction(agent.load + units(inputs, agent), agent.capacity)
    affinity = 2
    if share <= Fraction(9, 10):
        for value, owners in ((1, recent), (0, topical)):
            if any(past.agent == agent.id and past.at == max(one.at for one in owners) for past in owners):
                affinity = value
    skill = -sum(has(agent, name, now) for name in needs.preferred_skills)
    load = share if settings.strategy is Strategy.BALANCED else Fraction(0)
    return affinity, skill, load, agent.last_assigned_at or datetime(1, 1, 1, tzinfo=UTC), agent.id


@given(decisions)
def test_the_answer_is_that_of_the_literal_reading(inputs: Inputs) -> None:
    assert answer(inputs) == oracle(inputs)


@given(decisions, st.randoms(use_true_random=False))
def test_shuffling_agents_and_history_changes_nothing(inputs: Inputs, chance: Any) -> None:
    agents, history = list(inputs.agents), list(inputs.history)
    chance.shuffle(agents)
    chance.shuffle(history)

    shuffled = replace(inputs, agents=tuple(agents), history=tuple(history))

    assert assign(shuffled).to_json() == assign(inputs).to_json()


@given(decisions)
def test_replaying_the_stored_inputs_gives_the_same_answer(inputs: Inputs) -> None:
    stored = orjson.dumps(inputs.to_json())

    again = Inputs.from_json(orjson.loads(stored))

    assert again == inputs
    assert orjson.dumps(assign(again).to_json()) == orjson.dumps(assign(inputs).to_json())


@given(decisions, st.sampled_from(IDS))
def test_the_digest_changes_with_any_agent(inputs: Inputs, id_: str) -> None:
    before = inputs.sha256()
    changed = tuple(replace(one, load=one.load + 1) if one.id == id_ else one for one in inputs.agents)

    same = replace(inputs, agents=changed).sha256() == before

    assert same == (id_ not in {one.id for one in inputs.agents})


def without(inputs: Inputs, keep: Callable[[AgentState], bool]) -> Inputs:
    return replace(inputs, agents=tuple(one for one in inputs.agents if keep(one)))


@given(decisions, st.sampled_from(IDS))
def test_taking_away_somebody_who_was_not_chosen_does_not_change_who_is(inputs: Inputs, gone: str) -> None:
    chosen = answer(inputs)[0]
    assume(chosen is not None and gone != chosen)

    assert answer(without(inputs, lambda one: one.id != gone))[0] == chosen


@given(decisions)
def test_less_load_never_takes_the_choice_away(inputs: Inputs) -> None:
    chosen = answer(inputs)[0]
    assume(chosen is not None)
    relieved = tuple(replace(one, load=one.load // 2) if one.id == chosen else one for one in inputs.agents)

    assert answer(replace(inputs, agents=relieved))[0] == chosen


@given(decisions, st.fractions(0, 2, max_denominator=8))
def test_more_used_time_finds_somebody_sooner_but_never_somebody_else(inputs: Inputs, more: Fraction) -> None:
    chosen = answer(inputs)[0]
    assume(chosen is not None)
    later = replace(inputs.needs, target_consumed=inputs.needs.target_consumed + more)

    assert answer(replace(inputs, needs=later)) == answer(inputs)


@given(decisions)
def test_every_agent_is_either_ranked_or_excluded_once_a_team_is_asked(inputs: Inputs) -> None:
    _, rule, _, excluded, ranking = answer(inputs)
    assume(rule not in ("not_eligible", "keep_owner", "direct_route"))

    assert sorted([*excluded, *ranking]) == [one.id for one in inputs.agents]


@given(decisions)
def test_until_it_is_worth_another_look_time_alone_finds_nobody(inputs: Inputs) -> None:
    again = retry_at(inputs)
    last_moment = (again or NOW + timedelta(days=9)) - timedelta(microseconds=1)

    assert again is None or again > NOW
    if answer(inputs)[0] is None:
        assert answer(replace(inputs, now=last_moment))[0] is None
