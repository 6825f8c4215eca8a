"""What a case measured, and the one table that shows it."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

TOLERANCE = 0.25
"""A ratio that is further above the baseline than this is called slower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table. `limit` is what the machine itself can do at best, in the same unit; a figure whose unit
    is "x" is a ratio already. `target` is the most it may be."""

    case: str
    name: str
    unit: str
    value: float
    low: float
    high: float
    target: float | None = None
    limit: float | None = None

    @property
    def ratio(self) -> float | None:
        """What is compared with the baseline, because it depends on the machine least."""
        if self.unit == "x":
            return self.value
        return self.value / self.limit if self.limit else None

    @property
    def key(self) -> str:
        return f"{self.case}: {self.name}"

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        if self.value <= self.target:
            return "ok"
        return f"missed by {self.value / self.target - 1:.0%}" if self.target else "missed"


def figure(
    case: str,
    name: str,
    unit: str,
    samples: Sequence[float],
    target: float | None = None,
    limit: float | None = None,
) -> Figure:
    """The median of several runs."""
    return Figure(
        case=case,
        name=name,
        unit=unit,
        value=statistics.median(samples),
        low=min(samples),
        high=max(samples),
        target=target,
        limit=limit,
    )


def table(figures: Iterable[Figure], baseline: dict[str, float]) -> str:
    """A Markdown table, one block for each case."""
    head = ("", "target", "measured", "min - max", "limit", "ratio", "v. baseline", "verdict")
    rows: list[tuple[str, ...]] = [head, ("-", *["-:"] * 6, "-")]
    for case, members in groupby(figures, lambda each: each.case):
        rows.append((f"**{case}**", *[""] * 7))
        rows += [_row(each, baseline.get(each.key)) for each in members]
    widths = [max(len(row[column]) for row in rows) for column in range(8)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    if set(row) <= {"-", "-:"}:
        return "| " + " | ".join(cell.rjust(width, "-") for cell, width in zip(row, widths, strict=True)) + " |"
    cells = (
        cell.ljust(width) if column in (0, 7) else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "| " + " | ".join(cells) + " |"


def _row(each: Figure, base: float | None) -> tuple[str, ...]:
    return (
        each.name,
        f"<= {_number(each.target)} {each.unit}" if each.target is not None else "",
        f"{_number(each.value)} {each.unit}",
        f"{_number(each.low)} - {_number(each.high)}",
        f"{_number(each.limit)} {each.unit}" if each.limit is not None else "",
        f"{_number(each.ratio)} x" if each.ratio is not None else "",
        compared(each.ratio, base),
        each.verdict,
    )


def compared(ratio: float | None, base: float | None) -> str:
    """How a ratio stands to the one of the baseline."""
    if ratio is None or not base:
        return ""
    change = ratio / base - 1
    return f"{change:+.0%}" + (" slower" if change > TOLERANCE else "")


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"
