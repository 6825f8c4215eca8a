"""Response-time policies and calendars: from the configuration to the rules, with every version kept in the store."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import structlog

from gateway.settings import Settings, to_rulebook
from gateway.voices import voice_of
from router.calendar_definitions import to_calendar
from router.model import Capabilities
from router.rulebook import Rulebook
from router.targets import Metric, Policy, to_target
from router.terms import Terms
from storage import policies
from storage.changes import Touched
from storage.database import Database

log = structlog.get_logger()

AT_ONCE = 200


async def with_policies(
    rules: Rulebook, settings: Settings, database: Database, wake: Callable[[Touched], None]
) -> Rulebook:
    """The rulebook with the policies in force and every older version; open conversations follow a change at once."""
    configured = {each.id: contents_of(each, settings) for each in settings.policies}
    known = await database.transact(policies.keep, configured)
    terms = terms_of(known)
    versions = terms.policies
    newest = {name: max(version for each, version in versions if each == name) for name in configured}
    full = replace(
        rules,
        policies=tuple(versions[each.id, newest[each.id]] for each in settings.policies),
        terms=reopening(terms, settings),
    )
    for name, version in newest.items():
        followed = AT_ONCE
        while followed == AT_ONCE:
            followed, touched = await database.transact(policies.adopt, name, version, full, AT_ONCE)
            wake(touched)
            if followed:
                log.info("policy.changed", policy=name, version=version, conversations=followed)
    return full


def as_written(settings: Settings) -> Rulebook:
    """The rulebook a configuration means, for who only looks at it: no connector is asked, and no store numbers its
    policies."""
    rules = to_rulebook(settings, {each.id: Capabilities() for each in settings.channels}, voice_of(settings))
    written = tuple(to_policy(each.id, 1, contents_of(each, settings)) for each in settings.policies)
    return replace(rules, policies=written)


async def with_others(rules: Rulebook, settings: Settings, database: Database) -> Rulebook:
    """The rulebook with the versions other nodes have stored meanwhile; itself when there are none."""
    if await database.read(policies.versions) <= rules.terms.policies.keys():
        return rules
    return replace(rules, terms=reopening(terms_of(await database.read(policies.all_of)), settings))


def reopening(terms: Terms, settings: Settings) -> Terms:
    """The terms with the windows of the configuration (D23)."""
    return replace(terms, reopen_window=settings.reopen_window, reopen_windows=settings.reopen_windows)


def terms_of(known: Mapping[tuple[str, int], policies.Content]) -> Terms:
    """Every stored version, ready to judge."""
    return Terms(policies={key: to_policy(*key, content) for key, content in known.items()})


def contents_of(policy: Any, settings: Settings) -> dict[str, object]:
    """What judges: targets, conditions and the whole calendar, as plain JSON."""
    return {
        "when": {key: sorted(values) for key, values in policy.when.model_dump(mode="json").items() if values},
        "targets": {metric.value: target for metric in Metric if (target := policy.target(metric)) is not None},
        "calendar": {"id": policy.calendar, "definition": _plain(settings.calendars[policy.calendar])},
    }


def to_policy(policy: str, version: int, content: Mapping[str, Any]) -> Policy:
    """A stored version as the rules use it."""
    calendar = content["calendar"]
    return Policy(
        id=policy,
        version=version,
        calendar=to_calendar(calendar["id"], calendar["definition"], version),
        targets={Metric(metric): to_target(target) for metric, target in content["targets"].items()},
        when={key: frozenset(values) for key, values in content["when"].items()},
    )


def _plain(value: Any) -> Any:
    """YAML's dates as texts, for JSON."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
