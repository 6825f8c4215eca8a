"""The outage page: a conversation and one answer box behind a signed link, for an agent whose Slack is away.

No scripts, no markup of a customer, nothing cached. Looking at it uses nothing up: mail scanners follow links too.
"""

import base64
import hashlib
import html
import time
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from connectors.base import Arrival, Clock, NotStored
from gateway.answer_links import AnswerLinks, Link
from router.model import IdentityKey, Inbound, InboundKind, Sender, Thread
from router.outage import PAGE, asked
from router.rulebook import Agent
from storage import outage
from storage.database import to_micros
from storage.errors import StoreUnavailable
from storage.outage import Line, View, Written

if TYPE_CHECKING:
    from gateway.app import Application

LONGEST = 10_000
"""Characters of an answer."""
TRIES = 5
"""Answers that may be held before the link is used up."""
A_MINUTE = 30
"""Requests with one link."""

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#1d1c1d;background:#fff}
h1{font-size:1.3rem}article{border-left:4px solid #ccc;margin:1rem 0;padding:.2rem .8rem;overflow-wrap:anywhere}
article.ours{border-color:#1264a3}article.note{border-color:#b58900;background:#fdf6e3}
article p{white-space:pre-wrap;margin:.2rem 0}header{color:#555;font-size:.85rem}
.said{border:1px solid #b58900;background:#fdf6e3;padding:.5rem .8rem;margin:1rem 0}
textarea{width:100%;min-height:9rem;font:inherit;box-sizing:border-box}
button{font:inherit;padding:.4rem 1.2rem;margin-top:.5rem}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Answers:
    """GET shows, POST answers. What was answered is found in the inbox by the link's id, so that it is done once."""

    def __init__(self, app: "Application", clock: Clock, links: AnswerLinks) -> None:
        self._app = app
        self._clock = clock
        self._links = links
        self._asked: dict[str, tuple[int, int]] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/answer/{token}", self._show), web.post("/answer/{token}", self._take)]

    async def _show(self, request: web.Request) -> web.Response:
        try:
            link, agent = self._allowed(request)
            view, tried = await self._look(link)
        except _Said as refusal:
            return refusal.page
        return _page(view, tried, agent)

    async def _take(self, request: web.Request) -> web.Response:
        """Store the answer, unless something came in between that its author has not seen."""
        try:
            link, agent = self._allowed(request)
            view, tried = await self._look(link)
        except _Said as refusal:
            return refusal.page
        form = await request.post()
        text = str(form.get("text", "")).replace("\r\n", "\n").strip()
        if _is_over(tried) or str(form.get("try", "")) != str(len(tried)):
            return _page(view, tried, agent)
        if (mistake := _mistake(text)) is not None:
            return _page(view, tried, agent, said=mistake, text=text, status=422)
        if newer := _answered_since(view, str(form.get("seen", ""))):
            names = ", ".join(sorted({each.author for each in newer}))
            said = (
                f"{names} answered meanwhile, see above. Your answer was not sent; send it again if it is still needed."
            )
            return _page(view, tried, agent, said=said, text=text, status=409)
        try:
            await self._app.intake.submit(view.desk.channel, [self._arrival(link, agent, view, text, len(tried))])
        except NotStored:
            said = "It could not be stored just now and was not sent. Please try again."
            return _page(view, tried, agent, said=said, text=text, status=503)
        return web.Response(status=303, headers={**HEADERS, "Location": request.path})

    def _allowed(self, request: web.Request) -> tuple[Link, Agent]:
        """The link and whose it is; raises _Said for any other."""
        link = self._links.read(request.match_info["token"])
        if link is None:
            raise _Said("This link is not complete. Open it from the mail again.", 404)
        minute = int(time.monotonic() // 60)
        if len(self._asked) > 10_000:
            self._asked = {key: each for key, each in self._asked.items() if each[0] == minute}
        then, count = self._asked.get(link.id, (minute, 0))
        count = count + 1 if then == minute else 1
        self._asked[link.id] = (minute, count)
        if count > A_MINUTE:
            raise _Said("Too many requests with this link. Wait a minute.", 429)
        if link.expires <= self._clock():
            raise _Said("This link has expired. Please answer in Slack.", 410)
        agent = self._app.rulebook.agents.get(link.agent)
        if agent is None:
            raise _Said("This link was made for somebody who is not an agent any more.", 403)
        return link, agent

    async def _look(self, link: Link) -> tuple[View, list[Written]]:
        try:
            view = await self._app.database.read(outage.view, link.conversation)
            if view is None:
                raise _Said("This conversation is not there any more.", 404)
            keys = [_key(link, number) for number in range(TRIES)]
            return view, await self._app.database.read(outage.written, view.desk.channel, keys)
        except StoreUnavailable as error:
            raise _Said("The conversation cannot be read just now. Please try again.", 503) from error

    def _arrival(self, link: Link, agent: Agent, view: View, text: str, number: int) -> Arrival:
        key, desk = _key(link, number), view.desk
        member = IdentityKey("slack", agent.slack or agent.email)
        return Arrival(
            key=key,
            raw=orjson.dumps({"link": link.id, "agent": agent.id, "text": text}),
            inbound=Inbound(
                kind=InboundKind.MESSAGE,
                channel=desk.channel,
                address=desk.address,
                sender=Sender(identity=member, name=agent.name, internal=True, email=agent.email),
                remote_id=key,
                thread=Thread(conversation=view.conversation.id, ref=desk.thread or f"answer:{link.conversation.hex}"),
                text=asked(text),
                value=PAGE,
                sent_at=self._clock(),
            ),
        )


class _Said(Exception):
    """There is nothing to show but a sentence."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.page = _html("Onevoice", f'<p class="said">{html.escape(sentence)}</p>', status)


def _key(link: Link, number: int) -> str:
    return f"answer:{link.id}:{number}"


def _is_over(tried: Collection[Written]) -> bool:
    return len(tried) >= TRIES or any(not each.held and not each.note for each in tried)


def _mistake(text: str) -> str | None:
    if not text:
        return "Nothing was written."
    if len(text) > LONGEST:
        return f"That is longer than {LONGEST} characters. Please shorten it."
    if text.casefold().startswith("@onevoice"):
        return "Commands work in Slack only. Write what the customer shall read."
    return None


def _answered_since(view: View, seen: str) -> list[Line]:
    """Answers the customer got, or will get, that are newer than what the page showed."""
    at = int(seen) if seen.isascii() and seen.isdecimal() else 0
    return [each for each in view.lines if each.ours and not each.note and not each.held and to_micros(each.at) > at]


def _page(
    view: View, tried: list[Written], agent: Agent, *, said: str = "", text: str = "", status: int = 200
) -> web.Response:
    conversation, parts = view.conversation, []
    parts += [_line(each) for each in view.lines]
    if said:
        parts.append(f'<p class="said" role="alert">{html.escape(said)}</p>')
    parts += [_result(each) for each in tried]
    if view.leg is None:
        parts.append('<p class="said">The customer cannot be reached any more: an answer would be kept as a note.</p>')
    if not _is_over(tried):
        parts.append(_form(view, agent, len(tried), text or (tried[-1].text if tried and tried[-1].held else "")))
    elif len(tried) >= TRIES:
        parts.append('<p class="said">This link is used up. Please go on in Slack when it is back.</p>')
    where = f" on {view.leg.channel}" if view.leg is not None else ""
    title = f"#{conversation.number}: {view.customer or 'a customer'}{where}"
    return _html(title, f"<h1>{html.escape(title)}</h1>{''.join(parts)}", status)


def _line(line: Line) -> str:
    kind = "note" if line.note else "ours" if line.ours else "theirs"
    marks = ["internal note, the customer does not see it"] if line.note else []
    marks += ["held, not sent"] if line.held else []
    marks += [f"{line.files} file(s), see Slack"] if line.files else []
    head = " · ".join((line.author, _when(line.at), *marks))
    return f'<article class="{kind}"><header>{html.escape(head)}</header><p>{html.escape(line.text)}</p></article>'


def _result(written: Written) -> str:
    if written.note:
        return (
            f'<p class="said">Kept as an internal note, the customer does not get it: {html.escape(written.text)}</p>'
        )
    if not written.held:
        return f'<p class="said" role="status">Sent: {html.escape(written.text)}</p>'
    found = "".join(
        f"<li>{html.escape(f'{each.level.value} {each.rule}: {each.message.en or each.message.zh}')}"
        + (f"<br>Instead: {html.escape(each.suggestion.en or each.suggestion.zh)}" if each.suggestion else "")
        + "</li>"
        for each in written.findings
    )
    return f'<div class="said" role="alert">Not sent, it is held: {html.escape(written.text)}<ul>{found}</ul></div>'


def _form(view: View, agent: Agent, number: int, text: str) -> str:
    seen = max((to_micros(each.at) for each in view.lines), default=0)
    label = f"Answer as {agent.name}; it leaves at once and cannot be taken back."
    return (
        f'<form method="post" autocomplete="off"><input type="hidden" name="try" value="{number}">'
        f'<input type="hidden" name="seen" value="{seen}"><label for="text">{html.escape(label)}</label>'
        f'<textarea id="text" name="text" required maxlength="{LONGEST}">\n{html.escape(text)}</textarea>'
        '<button type="submit">Send</button></form>'
    )


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _html(title: str, body: str, status: int) -> web.Response:
    page = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex, nofollow">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body>{body}</body></html>\n"
    )
    return web.Response(text=page, content_type="text/html", status=status, headers=HEADERS)
