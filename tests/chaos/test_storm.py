"""kill -9 at every failpoint and at random moments, under load, on both databases: what was acknowledged is seen
once."""

from pathlib import Path

import pytest

from tests.chaos.outside import outside
from tests.chaos.profile import Profile
from tests.chaos.storm import Storm

pytestmark = [pytest.mark.chaos]


@pytest.mark.timeout(7200)
async def test_what_was_acknowledged_survives_kill_9_at_every_failpoint(
    database_url: str, tmp_path: Path, profile: Profile, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = database_url.partition(":")[0]
    async with outside(tmp_path, database_url, seed=profile.seed) as world:
        report = await Storm(world, kind, profile).run()
        with capsys.disabled():
            print(f"\n{report.table()}")
        assert report.violations == [], "\n".join(f"{each.rule}: {each.text}" for each in report.violations)
        assert report.stray == set()
