"""The parser process: reads raw items from stdin, answers each with an Inbound value or a sentence.

512 MB of memory, no network, nothing but the attachments' folder is written (P1, decisions 30).
"""

import gc
import os
import pickle
import resource
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from storage.blobs import BlobStore

MEMORY = 512 * 1024 * 1024


def main() -> None:
    """Serve until stdin ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    blobs = BlobStore(Path(sys.argv[1]))
    source, sink = os.fdopen(0, "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print must not reach the protocol
    for parser in sys.argv[2:]:
        _function(parser)
    gc.freeze()
    sink.write(b"!")
    sink.flush()
    while header := source.read(4):
        (length,) = struct.unpack(">I", header)
        request = pickle.loads(source.read(length))  # noqa: S301  our own parent
        content = pickle.dumps(_answer(blobs, *request))
        sink.write(struct.pack(">I", len(content)) + content)
        sink.flush()


def _answer(blobs: BlobStore, parser: str, raw: bytes, meta: Mapping[str, str], context: Mapping[str, str]) -> object:
    try:
        parsed = _function(parser)(raw, meta, context)
        inbound = parsed.inbound
        if parsed.contents:
            files = tuple(
                replace(attachment, blob=blobs.put_bytes(content), size=len(content))
                for attachment, content in zip(inbound.attachments, parsed.contents, strict=True)
            )
            inbound = replace(inbound, attachments=files)
        return inbound
    except MemoryError:
        return f"parsing needed more than {MEMORY // 1024 // 1024} MB"
    except Exception as error:  # whatever is wrong with it, it is kept and the next one goes on (X2)
        return f"{type(error).__name__}: {error}"[:500]


@cache
def _function(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found


if __name__ == "__main__":
    main()
