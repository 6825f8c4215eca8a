"""From a Slack payload to a stored arrival. Bolt reads and sorts the payloads; the acknowledgement it makes leaves
only after the commit (X1, S3)."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from connectors.base import Arrival, NotStored, Ports, Receipt
from connectors.slack.commands import Commands, is_home
from connectors.slack.forms import Forms
from connectors.slack.homes import Homes
from connectors.slack.parse import Home, Person, Setting, overtaken, people_in, quarantined, to_arrival, to_raw
from connectors.slack.submission import submitted

Payload = Mapping[str, Any]
Lookup = Callable[[list[str], Home], Awaitable[Mapping[str, Person]]]

log = structlog.get_logger(__name__)

_QUIET = logging.getLogger("onevoice.slack.bolt")
_QUIET.setLevel(logging.CRITICAL)  # Bolt would log payloads, that is: message bodies (decisions 35)
_ANY = re.compile("")
_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, IndexError)


class Side(Protocol):
    """The other channel that a workspace may carry: colleagues who ask. `read` answers with what a payload says there;
    None when it is the desk's."""

    @property
    def ports(self) -> Ports: ...

    def read(self, body: Payload, home: Home, people: Mapping[str, Person]) -> list[Arrival] | None: ...


class Ingress:
    """What both Socket Mode and the HTTP routes hand their payloads to; `heard` learns of each, `limited` that Slack
    holds events back (S14)."""

    def __init__(
        self,
        channel: str,
        allowed_bots: frozenset[str],
        ports: Ports,
        people: Lookup,
        heard: Callable[[], None],
        limited: Callable[[], None],
        forms: Forms,
        homes: Homes,
    ) -> None:
        self._channel = channel
        self._allowed_bots = allowed_bots
        self._ports = ports
        self._people = people
        self._heard = heard
        self._limited = limited
        self._forms = forms
        self._homes = homes
        self._commands = Commands(channel, ports, homes, people)
        self._setting: Setting | None = None
        self._side: Side | None = None
        self._app = self._bolt()

    def serve(self, side: Side) -> None:
        """What is said to that side is its own."""
        self._side = side

    def open(self, home: Home) -> None:
        """From now on payloads are taken; before, Slack is asked to come again."""
        self._setting = Setting(channel=self._channel, home=home, allowed_bots=self._allowed_bots)

    def _bolt(self) -> AsyncApp:
        async def authorize() -> AuthorizeResult:
            """Bolt wants to know who we are; nothing here sends through it."""
            home = self._home
            return AuthorizeResult(
                enterprise_id=home.enterprise or None, team_id=home.team, bot_user_id=home.user, bot_id=home.bot
            )

        app = AsyncApp(
            logger=_QUIET,
            client=AsyncWebClient(retry_handlers=[], logger=_QUIET),
            authorize=authorize,
            process_before_response=True,
            ignoring_self_events_enabled=False,
            request_verification_enabled=False,  # SignatureVerifier raises on garbage; `signature` does it (S15)
        )
        app.event("app_home_opened")(self._show_home)
        app.event(_ANY)(self._store)
        app.action(_ANY)(self._store_and_acknowledge)
        app.command(_ANY)(self._answer)
        app.shortcut(_ANY)(self._open_form)
        app.view(_ANY)(self._submit_form)
        app.options(_ANY)(self._suggest)
        app.error(self._failed)
        return app

    @property
    def is_open(self) -> bool:
        return self._setting is not None

    @property
    def _home(self) -> Home:
        if self._setting is None:
            raise NotStored("not logged in to Slack yet")
        return self._setting.home

    async def receive_payload(self, payload: Payload) -> BoltResponse:
        """Store a payload of Socket Mode and answer it: 200 when it is stored or nothing to us, else Slack must
        send it again."""
        return await self._receive(to_raw(payload), lambda: AsyncBoltRequest(mode="socket_mode", body=dict(payload)))

    async def receive_body(self, body: str, content_type: str) -> BoltResponse:
        """The same for the verified body of an HTTP request."""
        headers: dict[str, str | Sequence[str]] = {"content-type": content_type}
        return await self._receive(body.encode(), lambda: AsyncBoltRequest(body=body, headers=headers))

    async def _receive(self, raw: bytes, read: Callable[[], AsyncBoltRequest]) -> BoltResponse:
        """What Bolt cannot make sense of is kept in quarantine (X2)."""
        problem = "Slack sent something of an unknown kind"
        try:
            self._home  # noqa: B018  raises while we do not know who we are
            try:
                request = read()
            except _UNREADABLE as error:
                problem = f"Slack sent something unreadable: {error!r}"
            else:
                if request.body.get("type") == "app_rate_limited":
                    log.error("slack.events_limited", channel=self._channel)
                    self._limited()
                    return BoltResponse(status=200)
                response = await self._app.async_dispatch(request)
                if response.status == 200 or request.context.get("storing"):
                    return response
            await self._ports.intake([quarantined(raw, problem)])
        except NotStored as reason:
            return self._again(reason)
        return BoltResponse(status=200)

    def _again(self, reason: NotStored) -> BoltResponse:
        log.warning("slack.not_stored", channel=self._channel, reason=str(reason))
        return BoltResponse(status=503, headers={"Retry-After": str(int(reason.retry_after))})

    async def _store(self, body: dict[str, Any], context: AsyncBoltContext) -> None:
        assert self._setting is not None
        home = self._setting.home
        people = await self._people(people_in(body), home)
        ports, arrivals = self._ports, None
        if self._side is not None and (arrivals := self._side.read(body, home, people)) is not None:
            ports = self._side.ports
        if arrivals is None:
            told = [each for each in (overtaken(body), body) if each is not None]
            read = [to_arrival(each, self._setting, people) for each in told]
            arrivals = [each for each in read if each is not None] if read[-1] is not None else []
        self._heard()
        if arrivals:
            context["storing"] = True
            await ports.intake(arrivals)
            self._commands.follow(arrivals)

    async def _store_and_acknowledge(self, body: dict[str, Any], context: AsyncBoltContext, ack: AsyncAck) -> None:
        """Interactions and commands have no automatic acknowledgement (S16). What asks for a form changes nothing and
        is not stored."""
        if is_home(body):
            await self._commands.pressed(body, partial(self._store, body, context))
        elif not self._opens(body, context):
            await self._store(body, context)
        await ack()

    async def _answer(self, body: dict[str, Any], context: AsyncBoltContext, ack: AsyncAck) -> None:
        self._heard()
        await ack(await self._commands.answered(body, self._home, partial(self._store, body, context)))

    async def _show_home(self, event: dict[str, Any]) -> None:
        """Nothing to store: the Home is made anew whenever it is opened."""
        self._heard()
        if event.get("tab") == "home":
            self._homes.want(event["user"])

    async def _open_form(self, body: dict[str, Any], context: AsyncBoltContext, ack: AsyncAck) -> None:
        self._heard()
        self._opens(body, context)
        await ack()

    def _opens(self, body: dict[str, Any], context: AsyncBoltContext) -> bool:
        """Whether a form is opened; where there is no room for one more, nothing is kept of it either."""
        try:
            return self._forms.ask(body, self._home)
        except NotStored:
            context["storing"] = True
            raise

    async def _submit_form(self, body: dict[str, Any], context: AsyncBoltContext, ack: AsyncAck) -> None:
        """Stored, then acknowledged, which closes it; what cannot be stored stays open and says so."""
        self._heard()
        answer = await submitted(body, self._home, self._people, self._forms, partial(self._keep, body, context))
        await (ack() if answer is None else ack(answer))

    async def _keep(self, body: dict[str, Any], context: AsyncBoltContext) -> list[Receipt]:
        """Without what differs when the same form is sent again."""
        assert self._setting is not None
        arrival = to_arrival(
            {name: value for name, value in body.items() if name not in ("trigger_id", "token")},
            self._setting,
            await self._people(people_in(body), self._setting.home),
        )
        context["storing"] = True
        if arrival is None:
            return []
        receipts = await self._ports.intake([arrival])
        self._commands.follow([arrival])
        return receipts

    async def _suggest(self, body: dict[str, Any], ack: AsyncAck) -> None:
        """Nothing is found where the store cannot be read: the field stays as it is."""
        try:
            found = await self._forms.suggestions(body, self._home)
        except (NotStored, *_UNREADABLE) as error:
            log.warning("slack.no_suggestions", channel=self._channel, reason=repr(error))
            found = []
        await ack(options=found)

    async def _failed(self, error: Exception) -> BoltResponse | None:
        """No acknowledgement."""
        if isinstance(error, NotStored):
            return self._again(error)
        log.error("slack.not_stored", channel=self._channel, reason=repr(error))
        return BoltResponse(status=500)
