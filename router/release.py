"""When a conversation goes back to the queue because its owner is gone (`service.md` 3.3, out of office / leaving)."""

from datetime import datetime, timedelta
from enum import StrEnum

from router.agent_state import AgentState, AgentStatus
from router.workload import Work, is_real_time

OFFLINE_GRACE = timedelta(minutes=10)
PASSED = "passed"
"""The reason with which an owner gives a conversation back."""


class Release(StrEnum):
    """The reason stored with the event `owner_released`."""

    DEACTIVATED = "deactivated"
    OUT_OF_OFFICE = "out_of_office"
    OFFLINE = "offline"
    OFF_SHIFT = "off_shift"


def release(owner: AgentState, work: Work, now: datetime) -> Release | None:
    """Why `work` leaves its owner now. Only with an open round: the rest keeps its owner until the customer writes
    again, and then step 1 of the assignment fails."""
    if not work.open_round:
        return None
    if owner.deactivated:
        return Release.DEACTIVATED
    if owner.out_of_office(now):
        return Release.OUT_OF_OFFICE
    due = offline_release_due(owner)
    if due is not None and now >= due and is_real_time(work.channel_type):
        return Release.OFFLINE
    return None


def missed(owner: AgentState, wrote_at: datetime, now: datetime) -> Release | None:
    """Why the owner cannot keep what the customer wrote after the owner had gone: step 1 fails then. `wrote_at` is when
    we had it, not what a provider says."""
    if owner.status is AgentStatus.OFFLINE and (owner.status_at is None or owner.status_at <= wrote_at):
        return Release.OFFLINE
    if not owner.on_shift(wrote_at) and not owner.on_shift(now):
        return Release.OFF_SHIFT
    return None


def offline_release_due(owner: AgentState) -> datetime | None:
    """When an offline owner loses the waiting real-time conversations; None while not offline."""
    if owner.status is not AgentStatus.OFFLINE or owner.status_at is None:
        return None
    return owner.status_at + OFFLINE_GRACE
