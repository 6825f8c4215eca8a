"""Logs are JSON, cheap below their level, and never hold a secret."""

import base64
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import pytest
import structlog

from gateway import logs
from gateway.redaction import Redactor

SECRET = 'p/ss "w+rd\\ü'
TOKEN = "7712345678:AAE_x-yz0123456789abcdefghijklmnopq"
NOON = datetime(2026, 10, 9, 12, 0, 0, 123456, tzinfo=UTC)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.captureWarnings(False)
    logging.root.handlers, logging.root.level = handlers, level
    for name in logs.NOISY:
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def configured(level: str = "info", node: str = "") -> io.StringIO:
    stream = io.StringIO()
    logs.configure(level, [SECRET, TOKEN], lambda: NOON, node=node, stream=stream)
    return stream


def test_an_event_is_one_line_of_json_with_the_common_keys_first() -> None:
    stream = configured(node="a1")
    structlog.get_logger().info("delivery.sent", seconds=0.25, delivery="d1", channel="tg", parts=(1, 2))
    assert stream.getvalue() == (
        '{"ts":"2026-10-09T12:00:00.123Z","level":"info","event":"delivery.sent","channel":"tg","delivery":"d1",'
        '"node":"a1","seconds":0.25,"parts":[1,2]}\n'
    )


def test_context_belongs_to_every_event() -> None:
    stream = configured()
    with structlog.contextvars.bound_contextvars(conversation="c1"):
        structlog.get_logger().warning("x")
    assert lines(stream)[0]["conversation"] == "c1"


def test_nothing_is_formatted_below_the_level() -> None:
    class Costly:
        def __str__(self) -> str:
            raise AssertionError("formatted")

    stream = configured("warning")
    structlog.get_logger().info("quiet", value=Costly())
    logging.getLogger("onevoice").info("quiet %s", Costly())
    assert stream.getvalue() == ""
    structlog.get_logger().error("loud")
    assert lines(stream)[0]["level"] == "error"


def test_what_libraries_log_comes_in_the_same_shape() -> None:
    stream = configured()
    logging.getLogger("some.library").warning("took %d s", 3)
    try:
        raise LookupError("nothing there")
    except LookupError:
        logging.getLogger("some.library").exception("failed")
    first, second = lines(stream)
    assert (first["level"], first["event"], first["logger"]) == ("warning", "took 3 s", "some.library")
    assert second["level"] == "error"
    assert str(second["exception"]).endswith("LookupError: nothing there")


@pytest.mark.parametrize(
    "name", ["httpx", "httpcore.connection", "aiohttp.access", "slack_sdk.web", "mail.log", "telegram"]
)
def test_t24_libraries_that_log_addresses_are_silent_even_in_debug(name: str) -> None:
    stream = configured("debug")
    logging.getLogger(name).debug("HTTP Request: %s", "https://example/")
    logging.getLogger(name).info("HTTP Request: %s", "https://example/")
    assert stream.getvalue() == ""
    logging.getLogger(name).warning("reconnecting")
    assert lines(stream)[0]["event"] == "reconnecting"


def spellings(secret: str) -> dict[str, str]:
    basic = {
        f"base64 after {length}": base64.b64encode(b"x" * length + secret.encode()).decode() for length in range(4)
    }
    return {
        "plain": secret,
        "url": quote(secret),
        "url, whole": quote(secret, safe=""),
        "form": quote_plus(secret),
        "repr": repr(secret),
        "bytes": repr(secret.encode()),
        "json, escaped": json.dumps(secret),
        "json": json.dumps(secret, ensure_ascii=False),
        "url-safe base64": base64.urlsafe_b64encode(f"help:{secret}:1".encode()).decode(),
        **basic,
    }


@pytest.mark.parametrize("secret", [SECRET, TOKEN])
@pytest.mark.parametrize("form", spellings(""))
def test_z1_a_secret_leaves_in_no_form(secret: str, form: str) -> None:
    """Wherever it is: event, value, key, inside containers, in objects, exceptions, other people's loggers."""
    spelling = spellings(secret)[form]
    stream = configured("debug")
    log = structlog.get_logger()
    log.info(f"to https://api/bot{spelling}/getMe")
    log.info(
        "x", url=spelling, nested={"headers": [("Authorization", spelling)], spelling: 1}, other=ValueError(spelling)
    )
    logging.getLogger("library").debug("calling %s", spelling)
    try:
        try:
            raise ConnectionError(f"https://api/bot{spelling}/")
        except ConnectionError as error:
            raise RuntimeError(spelling) from error
    except RuntimeError:
        log.exception("failed")
    found = stream.getvalue()
    assert len(lines(stream)) == 4
    for needle in (spelling, json.dumps(spelling, ensure_ascii=False)[1:-1], *spellings(secret).values()):
        core = needle.strip("'\"=")[4:-4] if "base64" in form else needle.strip("'\"")
        assert core not in found


def test_z1_a_short_secret_cannot_break_the_json() -> None:
    stream = io.StringIO()
    logs.configure("info", ['"', "event", ","], lambda: NOON, stream=stream)
    structlog.get_logger().info('an "event", it is', x=1)
    assert lines(stream)[0]["x"] == 1


def test_lone_surrogates_and_huge_numbers_are_logged_too() -> None:
    stream = configured()
    structlog.get_logger().info("odd", name="\ud800", number=2**70)
    assert lines(stream)[0]["number"] == str(2**70)


def test_a_terminal_gets_lines_for_people_without_secrets() -> None:
    stream = Terminal()
    logs.configure("info", [SECRET, TOKEN], lambda: NOON, stream=stream)
    try:
        raise ValueError(f"bot{TOKEN}")
    except ValueError:
        structlog.get_logger().exception("failed", password=SECRET, channel="tg")
    assert "failed" in stream.getvalue()
    assert "bot***" in stream.getvalue()
    assert TOKEN not in stream.getvalue()
    assert SECRET not in stream.getvalue()
    assert repr(SECRET) not in stream.getvalue()


def test_new_secrets_count_for_loggers_that_exist() -> None:
    first = configured()
    log = structlog.get_logger().bind(channel="tg")
    log.info("one")
    second = io.StringIO()
    logs.configure("info", ["other-secret"], lambda: NOON, stream=second)
    structlog.get_logger().info("two other-secret")
    assert len(lines(first)) == 1
    assert lines(second)[0]["event"] == "two ***"


def test_z1_an_uncaught_exception_shows_no_secret() -> None:
    program = f"""
import threading
from datetime import UTC, datetime
from gateway import logs
logs.configure("info", [{TOKEN!r}], lambda: datetime(2026, 1, 1, tzinfo=UTC))
logs.catch_uncaught()
class Late:
    def __del__(self):
        raise OSError({TOKEN!r})
def fail():
    raise LookupError({TOKEN!r})
thread = threading.Thread(target=fail); thread.start(); thread.join()
Late()
raise ValueError({TOKEN!r})
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert TOKEN not in done.stderr.replace(f"[{TOKEN!r}]", "")
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == [
        "thread.failed",
        "cleanup.failed",
        "process.failed",
    ]


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_x15_a_full_disk_costs_the_line_and_not_the_work() -> None:
    logs.configure("info", [], lambda: NOON, stream=Full())
    structlog.get_logger().info("lost")
    logging.getLogger("library").warning("lost")


def test_a_text_without_secrets_is_left_alone() -> None:
    assert Redactor([SECRET]).text("nothing here") == "nothing here"
    assert Redactor([]).value({"a": [1, "b"]}) == {"a": [1, "b"]}
