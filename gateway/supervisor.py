"""All background work: named jobs that are restarted when they fail, and stop together."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


class Supervisor:
    """Runs jobs until they are stopped. A job that raises is logged and started again after a growing pause."""

    def __init__(self) -> None:
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self.failing: dict[str, str] = {}

    def start(self, name: str, job: Callable[[], Awaitable[None]]) -> None:
        """Run a job in the background under a name of its own."""
        self._jobs[name] = asyncio.get_running_loop().create_task(self._keep(name, job), name=name)

    async def _keep(self, name: str, job: Callable[[], Awaitable[None]]) -> None:
        pause = FIRST_PAUSE
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await job()
                self.failing.pop(name, None)
                return
            except Exception as error:  # the others go on; this one is tried again
                self.failing[name] = f"{type(error).__name__}: {error}"
                log.exception("job.failed", job=name, again_in=pause)
            if asyncio.get_running_loop().time() - started > LONGEST_PAUSE:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def stop(self, *names: str, within: float = 10.0) -> None:
        """Cancel jobs (all without a name) and wait until they have ended; names one that does not."""
        wanted = {name: task for name, task in self._jobs.items() if not names or name in names}
        for task in wanted.values():
            task.cancel()
        if wanted:
            _, late = await asyncio.wait(wanted.values(), timeout=within)
            for task in late:
                log.warning("job.late", job=task.get_name())
        for name in wanted:
            del self._jobs[name]
