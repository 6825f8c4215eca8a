"""What comes from Slack is stored first and acknowledged then, once, whatever goes wrong between."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from connectors.base import Arrival, Cursor, NotStored, Receipt
from connectors.slack.canary import Canary
from connectors.slack.manifest import SCOPES
from connectors.slack.places import Places
from connectors.slack.signature import sign
from gateway import clock
from gateway.sandbox.slack.events import Envelope
from gateway.sandbox.slack.faults import Broken, Late, Limited, Refused
from router.model import InboundKind
from router.richtext import plain
from tests.connectors.ports import MemoryPorts
from tests.connectors.slackdesk import SlackDesk, delivery, slack_desk
from tests.connectors.test_slack_card import CARD

THREAD = "C0SUPPORT1"
CANARY = "#onevoice-canary-b0onevoice"


class StallingPorts(MemoryPorts):
    """A database that is slow until it is `released`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.released = asyncio.Event()
        self.released.set()
        self.in_hand = 0

    async def intake(self, arrivals: Sequence[Arrival], cursor: Cursor | None = None) -> list[Receipt]:
        self.in_hand += 1
        try:
            await self.released.wait()
            return await super().intake(arrivals, cursor)
        finally:
            self.in_hand -= 1


@pytest.fixture
def ports(tmp_path: Path) -> StallingPorts:
    return StallingPorts(tmp_path)


@pytest.fixture(params=["socket", "http"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path, ports: StallingPorts) -> AsyncIterator[SlackDesk]:
    answer_within = 0.5 if request.param == "socket" else 3.0
    async with slack_desk(tmp_path, mode=request.param, ports=ports, answer_within=answer_within) as opened:
        yield opened


@pytest.fixture
async def socket(tmp_path: Path, ports: StallingPorts) -> AsyncIterator[SlackDesk]:
    async with slack_desk(tmp_path, ports=ports) as opened:
        yield opened


@pytest.fixture
async def http(tmp_path: Path, ports: StallingPorts) -> AsyncIterator[SlackDesk]:
    async with slack_desk(tmp_path, mode="http", ports=ports) as opened:
        yield opened


async def settled(desk: SlackDesk) -> None:
    """Slack waits for no acknowledgement any more."""
    await desk.slack.until(lambda: desk.slack.events.waiting == 0)


async def test_s1_without_a_commit_in_two_seconds_slack_is_asked_again(http: SlackDesk, ports: StallingPorts) -> None:
    ports.released.clear()
    http.slack.post("alice", "#support-1", "hello")
    await http.slack.until(lambda: len(http.slack.events.answers) == 1)
    assert http.slack.events.answers == [503]
    ports.released.set()
    await settled(http)
    assert [plain(each.text) for each in http.ports.inbound] == ["hello"]
    assert http.slack.events.answers[-1] == 200


@pytest.mark.parametrize("failure", [NotStored("disk full", full=True), RuntimeError("the database is gone")])
async def test_s2_s3_nothing_is_acknowledged_before_it_is_stored(desk: SlackDesk, failure: Exception) -> None:
    desk.ports.refuse = failure
    desk.slack.post("alice", "#support-1", "hello")
    await desk.slack.until(lambda: desk.slack.events.retried >= 1)
    assert desk.slack.events.acknowledged == 0
    assert desk.ports.arrivals == []
    desk.ports.refuse = None
    await settled(desk)
    assert desk.slack.events.lost == []
    assert [plain(each.text) for each in desk.ports.inbound] == ["hello"]


async def test_s4_a_mention_told_twice_is_one_message(desk: SlackDesk) -> None:
    root = await desk.thread()
    desk.slack.mention("alice", "#support-1", "why", thread_ts=root)
    await settled(desk)
    assert desk.slack.events.acknowledged == 3
    assert [plain(each.text) for each in desk.ports.inbound] == ["@onevoice why"]


async def test_x3_doubled_events_are_one_message(desk: SlackDesk) -> None:
    desk.slack.faults.duplicates = 2
    desk.slack.post("alice", "#support-1", "hello")
    await settled(desk)
    assert desk.slack.events.acknowledged == 3
    assert len(desk.ports.arrivals) == 1


async def test_s5_only_what_a_person_changed_is_an_edit(desk: SlackDesk) -> None:
    ts = desk.slack.post("alice", "#support-1", "see https://shop.example")
    desk.slack.unfurl("#support-1", ts)
    desk.slack.edit("alice", "#support-1", ts, "see :eyes:")
    desk.slack.unfurl("#support-1", ts)
    await settled(desk)
    said, changed = sorted(desk.ports.inbound, key=lambda each: each.order)
    assert (said.kind, changed.kind) == (InboundKind.MESSAGE, InboundKind.EDIT)
    assert changed.target == said.remote_id == f"C0SUPPORT1:{ts}"
    assert plain(changed.text) == "see \N{EYES}"
    assert changed.replaced == said.text


async def test_x11_a_delete_names_what_is_gone(desk: SlackDesk) -> None:
    ts = desk.slack.post("alice", "#support-1", "oops")
    desk.slack.delete("alice", "#support-1", ts)
    await settled(desk)
    gone = max(desk.ports.inbound, key=lambda each: each.order)
    assert gone.kind is InboundKind.DELETE
    assert gone.target == f"C0SUPPORT1:{ts}"


async def test_s6_x5_our_own_post_confirms_its_delivery_and_is_not_relayed(desk: SlackDesk) -> None:
    ours = delivery()
    await desk.connector.deliver(ours)
    await settled(desk)
    [echo] = desk.ports.inbound
    assert echo.kind is InboundKind.ECHO
    assert echo.value == ours.id.hex
    assert echo.remote_id == f"C0SUPPORT1:{desk.slack.truth[-1].ts}"


async def test_s7_a_reply_also_sent_to_the_channel_is_one_message(desk: SlackDesk) -> None:
    root = await desk.thread()
    desk.slack.broadcast("alice", "#support-1", "hello all", root)
    await settled(desk)
    [said] = desk.ports.inbound
    assert said.thread.ref == f"C0SUPPORT1:{root}"


@pytest.mark.parametrize(("user", "internal"), [("alice", True), ("guest", False), ("eve", False)])
async def test_s8_guests_and_strangers_are_not_internal(socket: SlackDesk, user: str, internal: bool) -> None:
    socket.slack.post(user, "#support-1", "hello")
    await settled(socket)
    assert [each.sender.internal for each in socket.ports.inbound] == [internal]


async def test_s10_order_is_slacks_however_the_events_come(socket: SlackDesk) -> None:
    socket.slack.faults.hold_events()
    for text in ("one", "two", "three"):
        socket.slack.post("alice", "#support-1", text)
    socket.slack.release_events(reverse=True)
    await settled(socket)
    assert [plain(each.text) for each in sorted(socket.ports.inbound, key=lambda each: each.order)] == [
        *("one", "two", "three")
    ]


async def test_s11_a_refresh_of_both_sockets_leaves_no_gap(tmp_path: Path) -> None:
    async with slack_desk(tmp_path, time_scale=0.05) as desk:
        slack = desk.slack
        for number in range(30):
            if number in (5, 15):
                slack.events.refresh(1)
            if number == 25:
                slack.events.refresh()
            slack.post("alice", "#support-1", f"message {number}")
            await asyncio.sleep(0.01)
        await settled(desk)
        assert slack.events.retried == 0
        assert len(desk.ports.inbound) == 30
        await slack.until(lambda: slack.calls["apps.connections.open"] == 6 and slack.events.sockets == 2)


async def test_s11_sockets_that_break_come_back(socket: SlackDesk) -> None:
    slack = socket.slack
    slack.faults.on("apps.connections.open", Broken(503), Refused("internal_error"))
    slack.events.refresh(close=True)
    await slack.until(lambda: slack.events.sockets == 2)
    slack.post("alice", "#support-1", "hello")
    await settled(socket)
    assert len(socket.ports.inbound) == 1


async def test_s12_a_silent_slack_is_noticed_by_our_own_posts_and_rebuilt(tmp_path: Path) -> None:
    async with slack_desk(tmp_path, deaf_after=0.4) as desk:
        root = await desk.thread()
        desk.slack.faults.silent = True
        await desk.connector.deliver(delivery(thread=f"C0SUPPORT1:{root}"))
        await desk.slack.until(lambda: desk.slack.calls["apps.connections.open"] == 4)
        desk.slack.faults.silent = False
        await desk.slack.until(lambda: desk.slack.events.sockets == 2)
        desk.slack.post("alice", "#support-1", "hello", thread_ts=root)
        await desk.ports.until(2)


@pytest.mark.parametrize("mode", ["socket", "http"])
async def test_s12_a_slack_that_tells_nothing_is_noticed_though_we_say_nothing(tmp_path: Path, mode: str) -> None:
    async with slack_desk(tmp_path, deaf_after=0.3, mode=mode) as desk:
        root = await desk.thread()
        desk.slack.faults.drop_events = True
        desk.slack.post("alice", "#support-1", "hello", thread_ts=root)
        with capture_logs() as logs:
            await desk.ports.until(1)
        assert plain(desk.ports.inbound[-1].text) == "hello"
        assert "slack.deaf" in [each["event"] for each in logs]
        if mode == "socket":
            await desk.slack.until(lambda: desk.slack.calls["apps.connections.open"] >= 4)


async def test_s12_a_quiet_hour_is_no_silence(tmp_path: Path) -> None:
    """A post that only we see is changed, so that something comes."""
    async with slack_desk(tmp_path, deaf_after=0.5) as desk:
        await desk.thread()
        await desk.slack.until(lambda: desk.slack.calls["chat.update"] == 3)
        assert desk.slack.calls["apps.connections.open"] == 2
        assert len(desk.slack.messages(CANARY)) == 1
        assert desk.slack.channel(CANARY).private
        assert desk.ports.arrivals == []


async def test_s12_the_private_channel_is_made_once(tmp_path: Path) -> None:
    async with slack_desk(tmp_path, run=False) as desk:

        def canary() -> Canary:
            api = desk.connector.api
            return Canary("desk", api, Places(api), clock.now, "B0ONEVOICE")

        first = canary()
        assert [await first.sing(), await first.sing()] == [True, True]
        desk.slack.delete("onevoice", CANARY, desk.slack.messages(CANARY)[0].ts)
        assert [await first.sing(), await first.sing()] == [False, True]
        assert await canary().sing()
        assert len(desk.slack.messages(CANARY)) == 2
        desk.slack.channel(CANARY).archived = True
        assert [await first.sing(), await first.sing()] == [False, False]
        desk.slack.channel(CANARY).archived = False
        assert await first.sing()
        assert desk.slack.calls["conversations.create"] == 1


async def test_s12_without_the_right_to_make_it_nothing_else_suffers(tmp_path: Path) -> None:
    async with slack_desk(tmp_path, deaf_after=0.1, run=False) as desk:
        desk.slack.faults.always["conversations.create"] = Refused("missing_scope")
        with capture_logs() as logs:
            desk.running = asyncio.create_task(desk.connector.run())
            while desk.slack.calls["conversations.create"] < 3:
                await asyncio.sleep(0.01)
            desk.running.cancel()
            await asyncio.gather(desk.running, return_exceptions=True)
        assert desk.slack.calls["apps.connections.open"] == 2
        [told] = [each for each in logs if each["event"] == "slack.no_canary"]
        assert "add the scope to the app" in told["reason"]


@pytest.mark.parametrize(
    ("missing", "sends"), [("groups:write", True), ("users:read.email", True), ("chat:write", False)]
)
async def test_b1_a_right_that_sending_does_not_need_keeps_no_breaker_open(
    tmp_path: Path, missing: str, sends: bool
) -> None:
    async with slack_desk(tmp_path) as desk:
        desk.slack.scopes = ",".join(sorted(SCOPES.keys() - {missing}))
        assert f"lacks the scopes {missing}" in (await desk.connector.probe() or "")
        assert (await desk.connector.probe_out() is None) is sends


@pytest.mark.parametrize("mode", ["socket", "http"])
async def test_s13_what_was_said_while_events_were_lost_is_read_again(tmp_path: Path, mode: str) -> None:
    async with slack_desk(tmp_path, deaf_after=0.3, mode=mode) as desk:
        root = await desk.thread()
        desk.slack.faults.drop_events = True
        ours = delivery(thread=f"C0SUPPORT1:{root}")
        for number in range(3):
            last = desk.slack.post("alice", "#support-1", f"message {number}", thread_ts=root)
        await desk.connector.deliver(ours)
        desk.slack.edit("alice", "#support-1", last, "message two")
        desk.slack.faults.on("conversations.replies", Limited(1))
        arrivals = await desk.ports.until(5)
        seen = {(each.inbound.kind, plain(each.inbound.text)) for each in arrivals if each.inbound}
        assert seen == {
            (InboundKind.MESSAGE, "message 0"),
            (InboundKind.MESSAGE, "message 1"),
            (InboundKind.MESSAGE, "message two"),
            (InboundKind.EDIT, "message two"),
            (InboundKind.ECHO, ""),
        }


async def test_s14_events_slack_held_back_are_read_again(desk: SlackDesk) -> None:
    root = await desk.thread()
    desk.slack.faults.drop_events = True
    desk.slack.post("alice", "#support-1", "held back", thread_ts=root)
    desk.slack.faults.drop_events = False
    desk.slack.events.put("events_api", {"type": "app_rate_limited", "minute_rate_limited": 1700000000})
    [arrival] = await desk.ports.until(1)
    assert arrival.inbound is not None
    assert plain(arrival.inbound.text) == "held back"


async def test_s13_a_gap_without_any_socket_is_filled(socket: SlackDesk) -> None:
    root = await socket.thread()
    socket.slack.faults.drop_events = True
    socket.slack.post("alice", "#support-1", "while you were out", thread_ts=root)
    socket.slack.faults.drop_events = False
    socket.slack.events.refresh(close=True)
    [arrival] = await socket.ports.until(1)
    assert arrival.inbound is not None
    assert plain(arrival.inbound.text) == "while you were out"


async def test_2_7_what_is_in_hand_is_acknowledged_before_the_sockets_close(
    socket: SlackDesk, ports: StallingPorts
) -> None:
    ports.released.clear()
    for number in range(5):
        socket.slack.post("alice", "#support-1", f"message {number}")
    while ports.in_hand < 5:
        await asyncio.sleep(0.01)
    assert socket.running is not None
    socket.running.cancel()
    await asyncio.sleep(0.02)
    ports.released.set()
    with pytest.raises(asyncio.CancelledError):
        await socket.running
    await settled(socket)
    assert socket.slack.events.acknowledged == 5
    await socket.slack.until(lambda: socket.slack.events.sockets == 0)


async def test_x15_a_stalled_database_fills_no_memory_and_loses_nothing(tmp_path: Path) -> None:
    ports = StallingPorts(tmp_path)
    async with slack_desk(tmp_path, ports=ports, time_scale=1.0) as desk:
        ports.released.clear()
        for number in range(400):
            desk.slack.post("alice", "#support-1", f"message {number}")
        async with asyncio.timeout(30):
            while not ports.in_hand:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        assert 0 < ports.in_hand <= 128
        assert desk.slack.events.acknowledged == 0
        ports.released.set()
        await settled(desk)
        assert len(ports.inbound) == 400


async def test_s15_only_slack_itself_is_heard(http: SlackDesk) -> None:
    """Each of these makes the SDK's verifier raise, or is simply not Slack's."""
    envelope = Envelope("e", "events_api", {"type": "event_callback", "event": {"type": "message"}})
    good = http.slack.events.signed(envelope)
    forged: list[tuple[dict[str, str], bytes]] = [
        ({"X-Slack-Request-Timestamp": "soon"}, good["data"]),
        ({"X-Slack-Request-Timestamp": "9" * 400}, good["data"]),
        ({"X-Slack-Request-Timestamp": "1700000000"}, good["data"]),
        ({"X-Slack-Signature": "v0=\u00fc"}, good["data"]),
        ({"X-Slack-Signature": "v0=" + "0" * 64}, good["data"]),
        ({"X-Slack-Signature": ""}, good["data"]),
        ({}, good["data"] + b" "),
        ({}, b"\xff\xfe"),
    ]
    async with aiohttp.ClientSession() as session:
        for headers, body in forged:
            async with session.post(
                f"{http.slack.events.target}/events", data=body, headers=good["headers"] | headers
            ) as answer:
                assert answer.status == 401
        huge = io.BytesIO(b" " * 1_100_000)
        async with session.post(f"{http.slack.events.target}/events", data=huge, headers=good["headers"]) as answer:
            assert answer.status == 413
        endless = _endless()
        async with session.post(f"{http.slack.events.target}/events", data=endless, headers=good["headers"]) as answer:
            assert answer.status == 413
    assert http.ports.arrivals == []


async def _endless() -> AsyncIterator[bytes]:
    for _ in range(40):
        yield b"x" * 65_536


async def test_s15_a_body_that_is_signed_but_no_text_is_refused(http: SlackDesk) -> None:
    timestamp = http.slack.events.signed(Envelope("e", "events_api", {}))["headers"]["X-Slack-Request-Timestamp"]
    signature = sign(http.slack.signing_secret, timestamp, b"\xff\xfe")
    headers = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{http.slack.events.target}/events", data=b"\xff\xfe", headers=headers) as answer,
    ):
        assert answer.status == 401


async def test_s15_the_same_request_twice_is_stored_once(http: SlackDesk) -> None:
    http.slack.faults.hold_events()
    http.slack.post("alice", "#support-1", "hello")
    [event] = http.slack.faults.take_held()
    body = {"type": "event_callback", "event": event, "api_app_id": "A0ONEVOICE", "team_id": "T0SHOP"}
    signed = http.slack.events.signed(Envelope("e", "events_api", body))
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.post(f"{http.slack.events.target}/events", **signed) as answer:
                assert answer.status == 200
    assert len(http.ports.arrivals) == 1


async def test_slacks_own_check_of_the_address_is_answered(http: SlackDesk) -> None:
    http.slack.events.put("events_api", {"type": "url_verification", "challenge": "c-1", "token": "x"})
    await settled(http)
    assert http.slack.events.acks[-1][1] == {"challenge": "c-1"}
    assert http.ports.arrivals == []


async def test_s16_a_double_click_is_one_action_and_both_are_acknowledged(desk: SlackDesk) -> None:
    root = await desk.thread(card=CARD)
    desk.slack.press("alice", "#support-1", root, "ask.more", "snooze 1h", times=2)
    await settled(desk)
    assert desk.slack.events.acknowledged == 3
    [press] = desk.ports.inbound
    assert (press.kind, press.value) == (InboundKind.BUTTON, "ask.more:snooze 1h")
    assert press.target == press.thread.ref == f"C0SUPPORT1:{root}"
    assert press.sender.name == "Alice Chen"


async def test_a_command_that_changes_something_is_stored_before_it_is_answered(desk: SlackDesk) -> None:
    desk.slack.command("alice", "#support-1", "/onevoice", "status away")
    await settled(desk)
    assert [each.value for each in desk.ports.inbound] == ["ask.outside:status away"]
    assert [(sender.name, line) for sender, line in desk.ports.questions] == [("Alice Chen", "status away")]


async def test_reactions_arrive_and_ours_do_not(desk: SlackDesk) -> None:
    root = await desk.thread()
    desk.slack.react("alice", "#support-1", root, "white_check_mark")
    desk.slack.react("alice", "#support-1", root, "white_check_mark", added=False)
    desk.slack.react("onevoice", "#support-1", root, "eyes")
    await settled(desk)
    ordered = sorted(desk.ports.inbound, key=lambda each: each.order)
    assert [(each.value, each.target) for each in ordered] == [
        ("\N{WHITE HEAVY CHECK MARK}", f"C0SUPPORT1:{root}"),
        ("-\N{WHITE HEAVY CHECK MARK}", f"C0SUPPORT1:{root}"),
    ]


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "event_callback", "event": {"channel": "C1"}},
        {"type": "event_callback", "event": [1, 2]},
        {"type": "event_callback", "event": {"type": "message", "channel": 7}},
        {"type": "hologram"},
        {},
    ],
    ids=str,
)
async def test_x2_what_cannot_be_read_is_kept_and_acknowledged(desk: SlackDesk, payload: dict[str, object]) -> None:
    desk.slack.events.put("events_api", payload)
    await settled(desk)
    assert desk.slack.events.retried == 0
    [kept] = desk.ports.arrivals
    assert kept.problem
    assert kept.inbound is None


async def test_a_failing_look_up_of_a_person_loses_no_message(socket: SlackDesk) -> None:
    socket.slack.faults.on("users.info", Broken(503), Refused("user_not_found"))
    for text in ("one", "two", "three"):
        socket.slack.post("alice", "#support-1", text)
        await settled(socket)
    assert [(plain(each.text), each.sender.name) for each in socket.ports.inbound] == [
        ("one", ""),
        ("two", ""),
        ("three", "Alice Chen"),
    ]
    assert all(each.sender.internal for each in socket.ports.inbound)


async def test_a_slow_look_up_of_a_person_does_not_hold_up_the_message(tmp_path: Path) -> None:
    async with slack_desk(tmp_path, time_scale=1.0) as desk:
        desk.slack.faults.on("users.info", Late(5))
        desk.slack.post("alice", "#support-1", "hello")
        await settled(desk)
        assert desk.slack.events.retried == 0
        assert [plain(each.text) for each in desk.ports.inbound] == ["hello"]


async def test_a_person_is_looked_up_once(socket: SlackDesk) -> None:
    for number in range(5):
        socket.slack.post("alice", "#support-1", f"message {number}")
        await settled(socket)
    assert socket.slack.calls["users.info"] == 1
