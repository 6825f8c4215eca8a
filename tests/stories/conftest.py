"""The running gateway of the stories, on each database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stories.gateway import Gateway


@pytest.fixture
async def gateway(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A started gateway with its world."""
    running = Gateway(tmp_path, database_url)
    await running.start()
    yield running
    await running.stop()
