"""The Telegram stand-in's side of a call: parameters in any of the forms the Bot API takes, and answers that refuse."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    name: str
    content: bytes
    content_type: str


class Refusal(Exception):
    """An answer with `ok: false`."""

    def __init__(self, code: int, description: str, parameters: Mapping[str, int] | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters or {}


def bad(description: str) -> Refusal:
    return Refusal(400, f"Bad Request: {description}")


async def parameters(request: web.Request) -> Json:
    """Query, JSON, form or multipart; uploads come as StoredFile."""
    found: Json = dict(request.query)
    if request.content_type == "application/json":
        found.update(orjson.loads(await request.read()))
        return found
    if not request.body_exists:
        return found
    for name, given in (await request.post()).items():
        if isinstance(given, web.FileField):
            content = given.file.read()
            found[name] = StoredFile(name=given.filename, content=content, content_type=given.content_type)
        else:
            found[name] = given
    return found


def value(parameters: Json, name: str) -> Any:
    """A parameter that is no plain string: forms carry it as JSON text."""
    given = parameters.get(name)
    if not isinstance(given, str):
        return given
    try:
        return orjson.loads(given)
    except ValueError as error:
        raise bad(f"can't parse {name}") from error


def dropped(request: web.Request) -> web.Response:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
