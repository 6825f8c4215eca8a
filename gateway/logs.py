"""Logs: one JSON object a line on stderr, without secrets and without message bodies (decisions 35, Z1).

Keys are `ts level event` and, where they apply, `channel conversation message delivery node`. On a terminal the same
events are written for people. Everybody logs through `structlog.get_logger()`; what libraries log comes in here too.
"""

import logging
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Self, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from connectors.base import Clock
from gateway.redaction import Redactor

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
NOISY = (  # they log requests and bodies below WARNING: httpx the bot token (T24), aiosmtpd as mail.log
    "aiohttp", "aiosmtplib", "alembic", "asyncio", "httpcore", "httpx", "imapclient", "mail", "slack_bolt", "slack_sdk",
    "sqlalchemy", "telegram",
)  # fmt: skip
FIRST = ("ts", "level", "event", "channel", "conversation", "message", "delivery", "node")


def configure(
    level: str, secrets: Iterable[str], clock: Clock, *, node: str = "", stream: TextIO | None = None
) -> None:
    """Send every log of this process to `stream` (stderr), at `level` and above, without `secrets`.

    May be called again, for example when a new configuration brings new secrets.
    """
    out = stream or sys.stderr
    threshold = LEVELS[level]
    redactor = Redactor(secrets)
    renderer = _people(redactor) if out.isatty() else _Lines(redactor)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, _Stamp(clock, node), _traceback, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=_Output(out),
        cache_logger_on_first_use=False,
    )
    logging.root.handlers = [_Relay()]
    logging.root.setLevel(threshold)
    for name in NOISY:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    logging.captureWarnings(True)


def catch_uncaught() -> None:
    """What ends the process or a thread is logged like the rest: Python's own traceback would show secrets."""
    log = structlog.get_logger()

    def on_exception(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            log.critical("process.failed", exc_info=(kind, error, trace))

    def on_thread(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread else ""
        log.critical("thread.failed", thread=name, exc_info=(args.exc_type, args.exc_value, args.exc_traceback))

    def on_unraisable(args: "sys.UnraisableHookArgs") -> None:
        log.error("cleanup.failed", exc_info=(args.exc_type, args.exc_value, args.exc_traceback))

    sys.excepthook, threading.excepthook, sys.unraisablehook = on_exception, on_thread, on_unraisable


class _Stamp:
    """Adds time, level and node, and puts the common keys first."""

    def __init__(self, clock: Clock, node: str) -> None:
        self._clock = clock
        self._node = {"node": node} if node else {}

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        event.update(self._node)
        ts = self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        stamped: EventDict = {"ts": ts, "level": "error" if method == "exception" else method}
        for key in FIRST:
            if key in event:
                stamped[key] = event.pop(key)
        stamped.update(event)
        return stamped


def _traceback(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """An exception becomes text here, so that the secrets in it can be seen."""
    if event.get("exc_info"):
        return structlog.processors.format_exc_info(logger, method, event)
    event.pop("exc_info", None)
    return event


class _Output:
    """Where lines go. A full disk or a reader that went away costs the line, never the work it is about."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, *names: str) -> Self:
        return self

    def msg(self, line: str) -> None:
        with self._lock, suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = exception = msg


class _Lines:
    """One JSON object a line."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> str:
        line = _json(event)
        if self._redactor.finds(line):
            line = _json(self._redactor.value(dict(event)))
        return line.decode()


def _json(value: object) -> bytes:
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:  # lone surrogates, integers over 64 bits
        return orjson.dumps({key: ascii(inner) for key, inner in dict(value).items()})  # type: ignore[call-overload]


def _people(redactor: Redactor) -> Processor:
    """Coloured lines for a terminal."""
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)

    def render(logger: WrappedLogger, method: str, event: EventDict) -> str:
        clean = redactor.value(dict(event))
        assert isinstance(clean, dict)
        return console(logger, method, clean)

    return render


class _Relay(logging.Handler):
    """What libraries log through the standard library, as events with the key `logger`."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)
