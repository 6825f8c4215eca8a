"""A parser that does what the mail says: die, sleep, or give an Inbound. Runs in the worker of `gateway.parsing`."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from router.model import IdentityKey, Inbound, InboundKind, Sender


@dataclass(frozen=True)
class Parsed:
    inbound: Inbound
    contents: tuple[bytes, ...] = field(default=())


def parse(raw: bytes, _meta: Mapping[str, str], _context: Mapping[str, str]) -> Parsed:
    if raw.startswith(b"die"):
        os._exit(1)
    if raw.startswith(b"sleep"):
        time.sleep(60)
    if raw.startswith(b"nul"):
        raise ValueError("a \0 and a \ud800")
    name = raw[:20].decode()
    sender = Sender(identity=IdentityKey("email", name), name=name, verification=0)
    return Parsed(Inbound(kind=InboundKind.MESSAGE, channel="mail", address=name, sender=sender, remote_id=name))
