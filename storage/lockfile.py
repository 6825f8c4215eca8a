"""One process for each SQLite file (DB3): a lock the system frees when the process ends, however it ends."""

import fcntl
import os
from pathlib import Path


class AlreadyOpen(Exception):
    """Another process uses the database."""


class FileLock:
    """Held from the making until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise AlreadyOpen(f"{path} is locked: another onevoice process uses this database") from error

    def release(self) -> None:
        os.close(self._descriptor)
