"""Content-addressed files (X16, decisions 10): streamed to a temporary name, fsynced, renamed into place before the
commit that refers to them."""

import asyncio
import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from router.arrivals import BlobTooLarge
from router.model import Blob
from storage.errors import StoreUnavailable


class BlobStore:
    """A folder of files named by their SHA-256."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, blob: Blob) -> Path:
        """Where a blob lies."""
        name = blob.sha256.hex()
        return self._folder / name[:2] / name

    def try_out(self) -> None:
        """Make the folder and write into it once; raises StoreUnavailable."""
        with self._temporary():
            pass

    async def put(self, chunks: AsyncIterator[bytes], limit: int) -> Blob:
        """Store a stream; raises BlobTooLarge past `limit` bytes and StoreUnavailable when the disk takes no more."""
        with self._temporary() as (descriptor, name):
            digest, size = hashlib.sha256(), 0
            async for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise BlobTooLarge(f"it is larger than {limit} bytes")
                digest.update(chunk)
                await asyncio.to_thread(self._write, descriptor, chunk)
            blob = Blob(sha256=digest.digest(), size=size)
            await asyncio.to_thread(self._keep, descriptor, name, blob)
        return blob

    def put_bytes(self, content: bytes) -> Blob:
        """Store bytes at hand (in a parser's process)."""
        blob = Blob(sha256=hashlib.sha256(content).digest(), size=len(content))
        if not self.path(blob).exists():
            with self._temporary() as (descriptor, name):
                self._write(descriptor, content)
                self._keep(descriptor, name, blob)
        return blob

    @contextlib.contextmanager
    def _temporary(self) -> Iterator[tuple[int, str]]:
        with self._disk():
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".new-")
        try:
            yield descriptor, name
        finally:
            with self._disk():
                os.close(descriptor)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name)

    def _write(self, descriptor: int, content: bytes) -> None:
        """All of it: the system may take less at a time."""
        view = memoryview(content)
        with self._disk():
            while view:
                view = view[os.write(descriptor, view) :]

    def _keep(self, descriptor: int, name: str, blob: Blob) -> None:
        target = self.path(blob)
        with self._disk():
            os.fsync(descriptor)
            target.parent.mkdir(exist_ok=True)
            Path(name).rename(target)
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    @contextlib.contextmanager
    def _disk(self) -> Iterator[None]:
        """Around our own file calls only: a stream that breaks off is an OSError too, and no trouble of the disk."""
        try:
            yield
        except OSError as error:
            full = error.errno in {errno.ENOSPC, errno.EDQUOT}
            raise StoreUnavailable(f"files cannot be stored in {self._folder}: {error.strerror}", full=full) from error
