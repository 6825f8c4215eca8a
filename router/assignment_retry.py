"""When a conversation that found nobody is worth another look without an event (`service.md` 3.3, triggers)."""

from datetime import datetime

from router.assignment_inputs import Inputs


def retry_at(inputs: Inputs) -> datetime | None:
    """The next instant at which time alone may let somebody pass F4, F5, F7 or F11; None when time does not help.

    The relaxation levels have their own timers, because they count in the target's clock
    (`assignment_filters.LEVEL_SHARES`). F11 is looked at again after a whole window at the latest.
    """
    now = inputs.now
    settings = inputs.settings
    times = [entry.until for entry in inputs.needs.excluded if entry.until is not None]
    for agent in inputs.agents:
        if agent.ooo_until is not None:
            times.append(agent.ooo_until)
        if (shift_at := agent.next_shift_at(now)) is not None:
            times.append(shift_at)
        if agent.on_call and (end_at := agent.shift_end(now)) is not None:
            times.append(end_at)  # off shift they may be called, whatever their status says
        limit = settings.window_limit if agent.window_limit is None else agent.window_limit
        if agent.window_count >= limit > 0:
            times.append(now + settings.window)
    return min((at for at in times if at > now), default=None)
