"""The section of `onevoice explain` about deadlines: for each round what was promised, how that was computed, and what
became of it."""

from typing import TYPE_CHECKING

from router.instants import optional_to_text, to_text

if TYPE_CHECKING:
    from router.model import Round
    from router.targets import EarlyWarning
    from router.terms import Terms
    from storage.deadlines import Deadlines


def lines(found: "Deadlines", terms: "Terms") -> list[str]:
    """For people, in English."""
    said: list[str] = []
    for number, each in enumerate(found.rounds):
        end = "now" if each.outcome == "open" or each.end_at is None else f"{each.end_at:%Y-%m-%d %H:%M:%S}"
        said.append(f"{each.start_at:%Y-%m-%d %H:%M:%S} to {end}, {each.kind} on {each.channel}: {_verdict(each)}")
        said.append(f"  {_words(each, terms, 'en')}")
        if warned := [_warning(each, early, found) for early in _warnings(each, terms)]:
            said.append(f"  warnings: {', '.join(warned)}")
        said += [
            f"  judged again: it was {former.sla} by policy {former.policy or '-'}, version {former.policy_version}"
            for former in found.former
            if former.number == number
        ]
    return said


def plain(found: "Deadlines", terms: "Terms") -> list[dict[str, object]]:
    """For programs; `text` in both languages."""
    return [
        {
            "kind": each.kind,
            "cycle": each.cycle,
            "channel": each.channel,
            "start_at": to_text(each.start_at),
            "end_at": None if each.outcome == "open" else optional_to_text(each.end_at),
            "outcome": each.outcome,
            "sla": each.sla,
            "policy": each.policy,
            "policy_version": each.policy_version,
            "calendar": each.calendar,
            "calendar_version": each.calendar_version,
            "calendar_uncertain": each.calendar_uncertain,
            "target": _target(each),
            "deadline": optional_to_text(each.deadline),
            "text": {language: _words(each, terms, language) for language in ("en", "zh")},
            "warnings": [
                {"level": early.level, "at": to_text(early.due_at), "told": _is_told(each, early, found)}
                for early in _warnings(each, terms)
            ],
            "breached_at": optional_to_text(each.breached_at),
            "breach_agent": each.breach_agent,
            "breach_team": each.breach_team,
            "breach_reason": each.breach_reason,
            "revision": each.revision,
            "superseded": [
                {
                    "revision": former.revision,
                    "sla": former.sla,
                    "policy": former.policy,
                    "policy_version": former.policy_version,
                }
                for former in found.former
                if former.number == number
            ],
        }
        for number, each in enumerate(found.rounds)
    ]


def _verdict(each: "Round") -> str:
    said = f"{each.outcome.replace('_', ' ')}, {each.sla}"
    if each.breached_at is None:
        return said
    whose = each.breach_agent or each.breach_team
    why = ", by a change of policy" if each.breach_reason else ""
    return f"{said} at {each.breached_at:%Y-%m-%d %H:%M:%S}{why}{f' ({whose})' if whose else ''}"


def _words(each: "Round", terms: "Terms", language: str) -> str:
    from router.explain import basis_of, in_words

    basis = basis_of(each)
    judging = terms.policies.get((each.policy or "", each.policy_version))
    if basis is not None and judging is not None:
        return in_words(basis, judging.calendar, language)
    if each.target is not None:
        return (
            "日历没有营业时间,无法计算时限。" if language == "zh" else "Its calendar never opens: nothing can be due."
        )
    return "没有策略规定时限。" if language == "zh" else "No policy promises anything: it is measured, not judged."


def _warnings(each: "Round", terms: "Terms") -> "tuple[EarlyWarning, ...]":
    """When people are to be warned, if the round lasts that long (D29)."""
    from router.targets import warnings

    judging = terms.policies.get((each.policy or "", each.policy_version))
    if each.target is None or each.deadline is None or judging is None:
        return ()
    return warnings(each.target, each.start_at, judging.calendar)


def _warning(each: "Round", early: "EarlyWarning", found: "Deadlines") -> str:
    level = f"{early.level} %" if early.level.isdecimal() else early.level
    return f"{level} at {early.due_at:%Y-%m-%d %H:%M:%S}{' (told)' if _is_told(each, early, found) else ''}"


def _is_told(each: "Round", early: "EarlyWarning", found: "Deadlines") -> bool:
    return (each.kind, early.level, to_text(early.due_at)) in found.told


def _target(each: "Round") -> dict[str, object] | None:
    if each.target is None:
        return None
    if each.target.business_days is not None:
        return {"business_days": each.target.business_days}
    return {"seconds": each.target.seconds, "clock": each.target.clock.value}
