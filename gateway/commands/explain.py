"""`onevoice explain`: why a conversation is where it is, from what was written down when each thing was decided."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands.frame import Count, Refusal, config_option, json_option, load_settings, print_json, run_read

if TYPE_CHECKING:
    from router.terms import Terms
    from storage.database import Transaction
    from storage.deadlines import Deadlines
    from storage.explanations import Explained, Explanation


@click.command(epilog="Example: onevoice explain --config onevoice.yaml 1042")
@config_option
@json_option
@click.argument("conversation", type=Count)
def explain(config: Path, as_json: bool, conversation: int) -> None:
    """Tell why a conversation was attached, routed and assigned, and why its deadlines are what they are.

    CONVERSATION is its number.
    """
    from gateway.commands import deadlines
    from gateway.policies import terms_of
    from storage import deadlines as stored
    from storage import policies
    from storage.explanations import explanation

    def ask(tx: "Transaction") -> "tuple[Explanation, Deadlines, Terms] | None":
        explained = explanation(tx, conversation)
        terms = terms_of(policies.all_of(tx))
        return None if explained is None else (explained, stored.of(tx, explained.id, terms), terms)

    answer = run_read(load_settings(config), ask)
    if answer is None:
        raise Refusal(f"there is no conversation {conversation}")
    found, due, terms = answer
    if as_json:
        print_json(_plain(found) | {"deadlines": deadlines.plain(due, terms)})
        return
    if found.merged_into is not None:
        click.echo(f"#{found.number} void, merged into #{found.merged_into}")
    else:
        click.echo(f"#{found.number} {found.status}, team {found.team or '-'}, owner {found.owner or '-'}")
    sections = {
        "Attached and routed": _reasons(found),
        "Assigned": _assignment(found),
        **({"Said by agents": said} if (said := _said(found)) else {}),
        "Deadlines": deadlines.lines(due, terms),
    }
    for title, lines in sections.items():
        click.echo(f"\n{title}")
        for line in lines or ["nobody has asked" if title == "Deadlines" else "nothing was decided"]:
            click.echo(f"  {line}")


def _reasons(found: "Explanation") -> list[str]:
    return [
        f"{each.at:%Y-%m-%d %H:%M:%S} {each.type.replace('_', ' ')}: {sentence} ({rule})"
        for each in found.events
        for rule, sentence in each.reasons
    ]


def _assignment(found: "Explanation") -> list[str]:
    """Decisions and what became of them, in the order of time."""
    told = [(each.at, line) for each in found.decisions for line in _decision(each.trace)]
    told += [(each.at, _ownership(each)) for each in found.events if not each.reasons and not each.is_spoken]
    return [f"{at:%Y-%m-%d %H:%M:%S} {line}" for at, line in sorted(told, key=lambda each: each[0])]


def _said(found: "Explanation") -> list[str]:
    """What agents said about it: class, tags, language, status, legs, links."""
    return [
        f"{each.at:%Y-%m-%d %H:%M:%S} {each.type.replace('_', ' ')} by {each.actor}: {_details(each.payload)}"
        for each in found.events
        if each.is_spoken
    ]


def _details(payload: Mapping[str, object]) -> str:
    words = {key: value for key, value in payload.items() if value and key not in {"message", "why"}}
    return ", ".join(
        f"{key} {' '.join(map(str, value)) if isinstance(value, list) else value}" for key, value in words.items()
    )


def _decision(trace: dict[str, object]) -> list[str]:
    words, steps = trace["text"], trace["steps"]
    assert isinstance(words, dict)
    assert isinstance(steps, list)
    return [f"{trace['trigger']}: {words['en']} ({trace['decided_by']}; {'; '.join(steps)})"]


def _ownership(event: "Explained") -> str:
    details = (
        str(event.payload[key]) for key in ("agent", "team", "lead", "until", "reason") if event.payload.get(key)
    )
    return f"{event.type.replace('_', ' ')} by {event.actor}: {', '.join(details) or 'the queue'}"


def _plain(found: "Explanation") -> dict[str, object]:
    return {
        "conversation": found.number,
        "status": "void" if found.merged_into is not None else found.status,
        "merged_into": found.merged_into,
        "team": found.team,
        "owner": found.owner,
        "route": found.route,
        "opened_at": found.opened_at.isoformat(timespec="seconds"),
        "events": [
            {
                "type": each.type,
                "at": each.at.isoformat(timespec="seconds"),
                "actor": each.actor,
                **each.payload,
                "why": [{"rule": rule, "text": sentence} for rule, sentence in each.reasons],
            }
            for each in found.events
        ],
        "assignments": [each.trace for each in found.decisions],
    }
