"""Ports for servers of the tests."""

import random
import socket

PORTS = range(15_000, 32_000)
"""Below those that the system gives to clients: a server that is killed finds its port free when it starts again."""


def free_port() -> int:
    """A loopback port that nothing listens on."""
    while True:
        port = random.SystemRandom().choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
