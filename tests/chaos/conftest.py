"""The profile of the fault runs, from `--chaos-profile`."""

import pytest

from tests.chaos.profile import PROFILES, Profile


@pytest.fixture
def profile(request: pytest.FixtureRequest) -> Profile:
    """Short with the other tests, long in `make chaos`."""
    return PROFILES[request.config.getoption("--chaos-profile")]
