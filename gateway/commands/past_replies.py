"""`onevoice check-reply --past`: the replies of the last days checked by the standards in force and by changed ones."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands.frame import WrongConfiguration, print_json, run_long

if TYPE_CHECKING:
    from gateway.settings import Settings
    from router.consistency.findings import Finding
    from router.consistency.reply import Standards
    from router.consistency.trials import Difference
    from router.consistency.workdays import BusinessCalendar
    from router.model import ChannelType
    from router.past_replies import PastReply
    from storage.database import Database

AT_ONCE = 100
"""Replies read in one go."""


@dataclass(slots=True)
class Totals:
    """`more` and `fewer`: by rule, in how many replies it would hold where it did not, and the reverse."""

    replies: int = 0
    held: int = 0
    released: int = 0
    more: Counter[str] = field(default_factory=Counter)
    fewer: Counter[str] = field(default_factory=Counter)

    def add(self, difference: "Difference") -> None:
        before, after = _holding(difference.before), _holding(difference.after)
        self.more.update(after - before)
        self.fewer.update(before - after)
        self.held += difference.newly_held
        self.released += difference.no_longer_held


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Old standards (None: nothing is checked now) and new ones."""

    old: "Standards | None"
    new: "Standards"
    calendar: "BusinessCalendar"
    types: "dict[str, ChannelType]"

    def differences(self, page: "Iterable[PastReply]") -> "Iterator[tuple[PastReply, Difference]]":
        """Those of a page that the two judge otherwise; a channel that is no longer configured is judged as chat."""
        from router.consistency.trials import dry_run
        from router.model import ChannelType
        from router.past_replies import to_reply

        for each in page:
            kind = self.types.get(each.channel, ChannelType.WEBCHAT)
            reply = to_reply(each, kind, (self.old or self.new).topics)
            for difference in dry_run([(reply, each.sent_at)], self.old, self.new, self.calendar):
                yield each, difference


def try_standards(settings: "Settings", days: int, folder: Path, limit: int, as_json: bool) -> None:
    """Print what the standards of a folder would hold and what they would not hold any more."""
    trial = _trial(settings, folder)
    shown: list[dict[str, object]] = []

    def show(past: "PastReply", difference: "Difference") -> None:
        if len(shown) < limit:
            shown.append(_fields(past, difference))
            if not as_json:
                click.echo(_line(past, difference))

    async def work(database: "Database") -> Totals:
        return await _tried(database, trial, days, show)

    totals = run_long(settings, work, writes=False)
    rules = sorted({*totals.more, *totals.fewer})
    if as_json:
        print_json(
            {
                "days": days,
                "replies": totals.replies,
                "held": totals.held,
                "released": totals.released,
                "rules": {rule: {"more": totals.more[rule], "fewer": totals.fewer[rule]} for rule in rules},
                "differences": shown,
            }
        )
        return
    if totals.held + totals.released > len(shown):
        click.echo(f"... and {totals.held + totals.released - len(shown)} more; --limit shows them")
    for rule in rules:
        click.echo(f"{rule}: holds {totals.more[rule]} more, {totals.fewer[rule]} fewer")
    click.echo(
        f"{totals.held} of {totals.replies} replies of the last {days} days would be held that were not, "
        f"{totals.released} would not be held any more"
    )


def _trial(settings: "Settings", folder: Path) -> Trial:
    from gateway.standards import StandardsError
    from gateway.voices import calendar_of, changed_standards, voice_of
    from router.model import ChannelType

    try:
        new = changed_standards(settings, folder)
    except StandardsError as error:
        raise WrongConfiguration(str(error)) from error
    voice = voice_of(settings)
    return Trial(
        old=voice.standards if voice is not None else None,
        new=new,
        calendar=calendar_of(settings),
        types={each.id: ChannelType(each.type) for each in settings.channels},
    )


async def _tried(
    database: "Database", trial: Trial, days: int, show: "Callable[[PastReply, Difference], None]"
) -> Totals:
    from gateway import clock
    from gateway.commands.progress import progress
    from storage import past_replies
    from storage.database import to_micros

    totals = Totals()
    since, after = to_micros(clock.now() - timedelta(days=days)), past_replies.BEFORE_ALL
    with progress(await database.read(past_replies.count, since), "replies") as further:
        while page := await database.read(past_replies.page, since, after, AT_ONCE):
            for past, difference in trial.differences(page):
                totals.add(difference)
                if difference.newly_held or difference.no_longer_held:
                    show(past, difference)
            totals.replies, after = totals.replies + len(page), page[-1].message
            further(len(page))
    return totals


def _holding(findings: "Iterable[Finding]") -> set[str]:
    return {each.rule for each in findings if each.level.holds}


def _line(past: "PastReply", difference: "Difference") -> str:
    what = "would be held" if difference.newly_held else "would not be held any more"
    rules = _holding(difference.after if difference.newly_held else difference.before)
    return f"#{past.number} {past.sent_at:%Y-%m-%d %H:%M:%S} {past.agent} {what}: {', '.join(sorted(rules))}"


def _fields(past: "PastReply", difference: "Difference") -> dict[str, object]:
    from gateway.reply_checks import shown

    return {
        "conversation": past.number,
        "message": past.message.hex,
        "sent_at": past.sent_at.isoformat(timespec="seconds"),
        "agent": past.agent,
        "channel": past.channel,
        "held": difference.newly_held,
        "before": [shown(each) for each in difference.before],
        "after": [shown(each) for each in difference.after],
    }
