"""When a conversation goes back to the queue because its owner is gone (`service.md` 3.3, out of office / leaving)."""

from datetime import datetime, timedelta
from enum import StrEnum

from router.agent_state import AgentState, AgentStatus
from router.workload import Work, is_real_time

OFFLINE_GRACE = timedelta(minutes=10)


class Release(StrEnum):
    """The reason stored with the event `owner_released`."""

    DEACTIVATED = "deactivated"
    OUT_OF_OFFICE = "out_of_office"
    OFFLINE = "offline"


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


def offline_release_due(owner: AgentState) -> datetime | None:
    """When an offline owner loses the waiting real-time conversations; None while not offline."""
    if owner.status is not AgentStatus.OFFLINE or owner.status_at is None:
        return None
    return owner.status_at + OFFLINE_GRACE
