"""What connectors are given."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connectors.base import NotStored
from gateway.ports import ChannelBlobs
from storage.blobs import BlobStore


async def test_a_file_that_cannot_be_kept_is_in_the_log_with_its_reason(tmp_path: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"a photo"

    (tmp_path / "files").write_text("not a folder")
    blobs = ChannelBlobs("web", BlobStore(tmp_path / "files"))
    with capture_logs() as logged, pytest.raises(NotStored):
        await blobs.put(chunks(), 1000)
    reason = f"files cannot be stored in {tmp_path}/files: File exists"
    assert logged == [{"event": "files.store", "log_level": "error", "channel": "web", "reason": reason}]


async def test_a_stream_that_breaks_off_is_no_trouble_of_the_disk(tmp_path: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"half a photo"
        raise ConnectionResetError("the other side is gone")

    with pytest.raises(ConnectionResetError):
        await ChannelBlobs("web", BlobStore(tmp_path / "files")).put(chunks(), 1000)
    assert not list((tmp_path / "files").iterdir())
