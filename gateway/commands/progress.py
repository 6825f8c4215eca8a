"""How long work tells how far it is: a bar on a terminal, a line now and then elsewhere. Both on stderr."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

STEPS = 10
"""Lines for the whole of the work where there is no terminal."""


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[[int], None]]:
    """A function that is told how many more are done."""
    if sys.stderr.isatty():
        with click.progressbar(length=total, label=what, file=sys.stderr) as bar:
            yield bar.update
        return
    done = 0

    def further(count: int) -> None:
        nonlocal done
        before, done = done, done + count
        if total and before * STEPS // total != done * STEPS // total:
            click.echo(f"{done} of {total} {what}", err=True)

    yield further
