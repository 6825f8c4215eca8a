"""The running gateway of the stories, on each database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway import outlet, trouble
from storage import cards
from tests.stories.gateway import Gateway


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stories look at many cards and wait for the end of much trouble; their Slack takes a change at any time. That
    cards are three seconds apart is shown in `tests/storage/test_cards.py`."""
    monkeypatch.setattr(cards, "APART", 300_000)
    monkeypatch.setattr(outlet, "FIRST_PROBE", 0.5)
    monkeypatch.setattr(trouble, "FIRST_TRY", 500_000)


@pytest.fixture
async def gateway(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A started gateway with its world."""
    running = Gateway(tmp_path, database_url)
    await running.start()
    yield running
    await running.stop()
