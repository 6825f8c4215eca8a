"""`onevoice sandbox` as a real process on a free port, for the browser and for plain HTTP."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMMAND = (sys.executable, "-m", "gateway", "sandbox")
READY = re.compile(r"http://127\.0\.0\.1:(\d+)/")


class Sandbox:
    """One process at a time; a new one takes over its port and its data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = _free()
        self._process: subprocess.Popen[str] | None = None
        self.said = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Returns when it says that it can be opened."""
        command = [*COMMAND, "--port", str(self._port), "--data", str(self._folder)]
        with (self._folder.parent / f"{self._folder.name}.log").open("a") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._process.stdout is not None
        self.said = self._process.stdout.readline()
        assert READY.search(self.said), f"the sandbox did not start: {self.log}"

    def another(self) -> subprocess.CompletedProcess[str]:
        """Start one more on the same port, with data of its own, and wait for its end."""
        command = [*COMMAND, "--port", str(self._port)]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    @property
    def log(self) -> str:
        """What it wrote to stderr."""
        return (self._folder.parent / f"{self._folder.name}.log").read_text()

    def end(self, how: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Send a signal and wait; the exit code and what else it said on stdout."""
        assert self._process is not None
        self._process.send_signal(how)
        try:
            said, _ = self._process.communicate(timeout=30)
        finally:
            self._process.kill()
        code = self._process.returncode
        self._process = None
        return code, said

    @property
    def running(self) -> bool:
        return self._process is not None


@contextmanager
def open_sandbox(folder: Path) -> Iterator[Sandbox]:
    folder.mkdir(exist_ok=True)
    sandbox = Sandbox(folder)
    try:
        sandbox.start()
        yield sandbox
    finally:
        if sandbox.running:
            sandbox.end(signal.SIGKILL)


def _free() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port: int = chosen.getsockname()[1]
        return port
