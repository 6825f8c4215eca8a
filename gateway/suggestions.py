"""Notices that two customers are perhaps one, and asks who looks after the newer question (`service.md` 4.1)."""

import asyncio
from collections.abc import Callable, Collection, Sequence

import structlog

from connectors.base import Lease
from router.clusters import Asking
from router.identity import Hint
from router.rulebook import Rulebook
from router.suggestions import Candidate, hints, mentioned
from storage import suggesting
from storage.changes import Touched
from storage.database import Database

log = structlog.get_logger()


class Suggestions:
    """What names nobody's address, number or order costs a look at its text."""

    def __init__(
        self, database: Database, lease: Lease, rules: Callable[[], Rulebook], wake: Callable[[Touched], None]
    ) -> None:
        self._database = database
        self._lease = lease
        self._rules = rules
        self._wake = wake

    async def look(self, askings: Sequence[Asking], ignored: Collection[str]) -> None:
        """Look at new messages. Raises LeaseLost and StoreUnavailable."""
        rules = self._rules()
        # a text full of numbers takes the telephone library a tenth of a second: others come in meanwhile
        names = await asyncio.to_thread(lambda: [mentioned(each.text, rules) for each in askings]) if askings else []
        for asking, named in zip(askings, names, strict=True):
            if named:
                looked = await self._database.read(suggesting.look, asking, named, ignored)
                for candidate in looked.candidates:
                    if why := hints(asking, looked.customer, candidate, named):
                        await self._suggest(asking, candidate, why)

    async def _suggest(self, asking: Asking, candidate: Candidate, why: Sequence[Hint]) -> None:
        touched = await self._database.transact(suggesting.suggest, self._lease, asking, candidate, why, self._rules())
        if touched is not None:
            self._wake(touched)
            log.info("contact.suggested", conversation=asking.conversation.hex, hints=[str(each) for each in why])
