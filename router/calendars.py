"""Business time: elapsed time inside local opening hours, its sums and its deadlines (`service.md` 2.4, D28, D40)."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from router.openings import DAY, EPOCH, Interval, local_day, span, stretches, to_instant, to_micros

HORIZON = 400
"""Days without an opening after which a search gives up (B15)."""

DAYS_A_BLOCK = 32
BLOCK = DAYS_A_BLOCK * DAY
FIRST_DATE = date(1970, 1, 1).toordinal()


ALL_DAY = Interval(0, DAY)


class NoOpenTime(Exception):
    """The calendar does not open for 400 days: a mistake in its definition, never an endless loop (B15)."""


@dataclass(frozen=True, slots=True)
class _Block:
    """The open time of 32 UTC days: united spans, and the open microseconds before each of them."""

    starts: list[int]
    ends: list[int]
    before: list[int]
    total: int

    def until(self, micros: int) -> int:
        """Open microseconds before an instant."""
        index = bisect_right(self.starts, micros) - 1
        if index < 0:
            return 0
        return self.before[index] + min(micros, self.ends[index]) - self.starts[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Opening hours by weekday (Monday first) with exceptions by local date, in one zone.

    `coverage_end` is the last local date its holiday data reaches; what lies beyond follows the weekly hours and is
    flagged uncertain (D40). The spans of a day are computed once and kept.
    """

    id: str
    version: int = 1
    zone: ZoneInfo
    weekly: tuple[tuple[Interval, ...], ...]
    exceptions: Mapping[date, tuple[Interval, ...]] = field(default_factory=dict)
    coverage_end: date | None = None
    _days: dict[int, tuple[tuple[int, int], ...]] = field(init=False, repr=False, compare=False, default_factory=dict)
    _blocks: dict[int, _Block] = field(init=False, repr=False, compare=False, default_factory=dict)
    _covered: list[int] = field(init=False, repr=False, compare=False, default_factory=list)

    def __hash__(self) -> int:
        return hash((self.id, self.version))

    def business(self, begin: datetime, end: datetime) -> timedelta:
        """Open time in [begin, end); nothing when the end is not after the beginning (A23)."""
        return timedelta(microseconds=self.business_micros(to_micros(begin), to_micros(end)))

    def add(self, begin: datetime, amount: timedelta) -> datetime:
        """The smallest instant with that much open time since `begin`: a closing time stays there (B03).

        Raises NoOpenTime.
        """
        return to_instant(self.add_micros(to_micros(begin), amount // timedelta(microseconds=1)))

    def subtract(self, end: datetime, amount: timedelta) -> datetime:
        """The largest instant with that much open time until `end`. Raises NoOpenTime."""
        return to_instant(self.subtract_micros(to_micros(end), amount // timedelta(microseconds=1)))

    def add_business_days(self, begin: datetime, days: int) -> datetime:
        """The closing time of the n-th working day after the local date of `begin`, which is not counted (D28).

        A working day is a local date on which open time starts. Raises NoOpenTime.
        """
        assert days > 0
        day = local_day(to_micros(begin), self.zone)
        searched = 0
        while True:
            day += 1
            if opened := self._spans(day):
                days, searched = days - 1, 0
                if not days:
                    return to_instant(max(end for _, end in opened))
            elif (searched := searched + 1) > HORIZON:
                raise self._never(begin)

    def is_open(self, at: datetime) -> bool:
        """Whether the instant is inside opening hours; a closing time is not."""
        return self.is_open_micros(to_micros(at))

    def next_open(self, at: datetime) -> datetime:
        """The instant itself when open, else the next opening. Raises NoOpenTime."""
        micros = to_micros(at)
        return to_instant(self.add_micros(micros, 1) - 1)

    def is_uncertain(self, begin: datetime, end: datetime) -> bool:
        """Whether [begin, end) reaches beyond the dates the holiday data covers (D40)."""
        return self.is_uncertain_micros(to_micros(begin), to_micros(end))

    def date_of(self, at: datetime) -> date:
        """The local date of an instant."""
        return date.fromordinal(local_day(to_micros(at), self.zone) + FIRST_DATE)

    def spans(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """Opening and closing instants of the intervals that start on a local date, as defined, not united."""
        return tuple((to_instant(begin), to_instant(end)) for begin, end in self._spans(day.toordinal() - FIRST_DATE))

    def stretches(self, begin: datetime, end: datetime) -> tuple[tuple[datetime, datetime], ...]:
        """The open time in [begin, end), piece by piece, touching pieces joined."""
        low, high = to_micros(begin), to_micros(end)
        found: list[tuple[int, int]] = []
        for number in range(low // BLOCK, high // BLOCK + 1):
            block = self._block(number)
            for opening, closing in zip(block.starts, block.ends, strict=True):
                first, last = max(opening, low), min(closing, high)
                if first >= last:
                    continue
                if found and found[-1][1] == first:
                    first = found.pop()[0]
                found.append((first, last))
        return tuple((to_instant(first), to_instant(last)) for first, last in found)

    def business_micros(self, begin: int, end: int) -> int:
        """As `business`, in microseconds since the epoch."""
        if end <= begin:
            return 0
        first, last = begin // BLOCK, end // BLOCK
        block = self._block(first)
        if first == last:
            return block.until(end) - block.until(begin)
        between = sum(self._block(number).total for number in range(first + 1, last))
        return block.total - block.until(begin) + between + self._block(last).until(end)

    def add_micros(self, begin: int, amount: int) -> int:
        """As `add`, in microseconds."""
        if amount <= 0:
            return begin
        number = begin // BLOCK
        block = self._block(number)
        wanted = block.until(begin) + amount
        latest = begin
        while wanted > block.total:
            wanted -= block.total
            latest = max(latest, block.ends[-1]) if block.ends else latest
            number += 1
            block = self._block(number)
            if (block.starts[0] if block.starts else (number + 1) * BLOCK) - latest > HORIZON * DAY:
                raise self._never(to_instant(begin))
        index = bisect_left(block.before, wanted) - 1
        return block.starts[index] + wanted - block.before[index]

    def subtract_micros(self, end: int, amount: int) -> int:
        """As `subtract`, in microseconds."""
        if amount <= 0:
            return end
        number = end // BLOCK
        block = self._block(number)
        wanted = block.until(end) - amount
        earliest = end
        while wanted < 0:
            earliest = min(earliest, block.starts[0]) if block.starts else earliest
            number -= 1
            block = self._block(number)
            if earliest - (block.ends[-1] if block.ends else number * BLOCK) > HORIZON * DAY:
                raise self._never(to_instant(end))
            wanted += block.total
        index = bisect_right(block.before, wanted) - 1
        return block.starts[index] + wanted - block.before[index]

    def is_open_micros(self, at: int) -> bool:
        """As `is_open`, in microseconds."""
        block = self._block(at // BLOCK)
        index = bisect_right(block.starts, at) - 1
        return index >= 0 and at < block.ends[index]

    def is_uncertain_micros(self, begin: int, end: int) -> bool:
        """As `is_uncertain`, in microseconds."""
        return self.coverage_end is not None and end > begin and end > self._covered_until()

    def _covered_until(self) -> int:
        """The end of the last local day with holiday data."""
        if not self._covered:
            assert self.coverage_end is not None
            day = self.coverage_end.toordinal() - FIRST_DATE
            last = span(day, ALL_DAY, stretches(self.zone, day - 1, day + 1))
            self._covered.append(day * DAY if last is None else last[1])
        return self._covered[0]

    def _never(self, begin: datetime) -> NoOpenTime:
        return NoOpenTime(
            f"calendar {self.id} has no open time for {HORIZON} days around {begin.isoformat()}: "
            "give it weekly hours, or judge by another calendar"
        )

    def _block(self, number: int) -> _Block:
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = self._united(number * BLOCK, (number + 1) * BLOCK)
        return block

    def _united(self, low: int, high: int) -> _Block:
        """Everything open in [low, high), overlaps counted once (A21)."""
        spans = sorted(
            (max(begin, low), min(end, high))
            for day in range(low // DAY - 3, high // DAY + 3)
            for begin, end in self._spans(day)
            if begin < high and end > low
        )
        starts: list[int] = []
        ends: list[int] = []
        for begin, end in spans:
            if ends and begin <= ends[-1]:
                ends[-1] = max(ends[-1], end)
            else:
                starts.append(begin)
                ends.append(end)
        before: list[int] = []
        total = 0
        for begin, end in zip(starts, ends, strict=True):
            before.append(total)
            total += end - begin
        return _Block(starts, ends, before, total)

    def _spans(self, day: int) -> tuple[tuple[int, int], ...]:
        """The spans that start on a local day; the days around it are filled at the same time."""
        known = self._days.get(day)
        if known is None:
            first = day // DAYS_A_BLOCK * DAYS_A_BLOCK
            self._fill(first, first + DAYS_A_BLOCK)
            known = self._days[day]
        return known

    def _fill(self, first: int, stop: int) -> None:
        parts = stretches(self.zone, first, stop)
        for day in range(first, stop):
            at = date.fromordinal(day + FIRST_DATE)
            intervals = self.exceptions.get(at)
            if intervals is None:
                intervals = self.weekly[at.weekday()]
            near = [part for part in parts if part.start < (day + 3) * DAY and part.end > (day - 2) * DAY]
            self._days[day] = tuple(found for each in intervals if (found := span(day, each, near)) is not None)


ALWAYS = Calendar(id="ALWAYS", zone=ZoneInfo("UTC"), weekly=((ALL_DAY,),) * 7)
"""Open at every instant, without holidays or zone."""

assert EPOCH.date().toordinal() == FIRST_DATE
