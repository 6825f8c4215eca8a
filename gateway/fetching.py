"""Fetching attachments that a message only refers to, before its delivery may go out (T17, S27, X16)."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import structlog

from connectors.base import BlobTooLarge, Connector
from router.model import Attachment, Blob
from storage import fetched
from storage.blobs import BlobStore
from storage.database import Database, Transaction
from storage.fetched import Fetched
from storage.outbox import Claim
from storage.statement import Statement

log = structlog.get_logger()

SECONDS = 30.0
UNAVAILABLE = "could not be fetched"

_SOURCE = Statement("SELECT channel FROM messages WHERE id = :id")


class Fetching:
    """Brings the files of a delivery into the blob store; what cannot be had becomes a line in the text (X9)."""

    def __init__(self, database: Database, blobs: BlobStore, connectors: Mapping[str, Connector]) -> None:
        self._database = database
        self._blobs = blobs
        self._connectors = connectors

    async def fetch(self, claim: Claim, pause: timedelta | None) -> None:
        """Fetch what is missing, store each file as it arrives, and free the lane. What cannot be had now is fetched
        again after `pause`; None: it is given up."""
        channel = await self._database.read(_source, claim)
        limit = self._connectors[claim.delivery.channel].capabilities.file_limit
        again: timedelta | None = None
        for attachment in claim.delivery.outgoing.attachments:
            if not attachment.elsewhere:
                continue
            found = await self._try(channel, attachment, limit)
            if found is None and pause is not None:
                again = pause
            else:
                await self._database.transact(fetched.store, claim, Fetched(attachment, found or UNAVAILABLE))
        await self._database.transact(fetched.release, claim, again)

    async def _try(self, channel: str, attachment: Attachment, limit: int) -> Blob | str | None:
        """The blob, or why there never will be one; None when it may be had later."""
        connector = self._connectors.get(channel)
        if connector is None:
            return f"its channel {channel} is not configured any more"
        try:
            async with asyncio.timeout(SECONDS):
                return await self._blobs.put(connector.fetch(attachment), limit)
        except BlobTooLarge:
            return f"larger than {limit // 1024 // 1024} MB"
        except Exception as error:  # whatever a provider does, the message itself must go on
            gone = isinstance(error, FileNotFoundError)
            log.warning("attachment.failed", channel=channel, gone=gone, reason=str(error))
            return UNAVAILABLE if gone else None


def _source(tx: Transaction, claim: Claim) -> str:
    """The channel the message came from, whose connector can fetch its files."""
    message = claim.delivery.message
    row = tx.one(_SOURCE, {"id": message.bytes}) if message is not None else None
    return row[0] if row else ""
