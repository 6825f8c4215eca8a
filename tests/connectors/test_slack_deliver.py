"""Every kind of delivery against a strict Slack, and what is certain after every kind of trouble."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.base import AccountDown, NotSent, PlaceDown, Rejected, Sent, Unknown
from gateway.sandbox.slack.faults import Broken, Cut, Fault, Late, Limited, Refused
from gateway.sandbox.slack.methods import Accepted
from router.model import AuthorKind, Card, ChannelType, Delivery, DeliveryKind, Outgoing, Status
from router.richtext import Paragraph, RichText, Span, Style, of_text
from tests.connectors.slackdesk import SlackDesk, delivery, slack_desk

CARD = Card(
    number=17,
    contact="Wang Fang",
    verification=1,
    channel="tg",
    channel_type=ChannelType.TELEGRAM,
    address="4711",
    status=Status.OPEN,
    subject="Where is my order?",
)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[SlackDesk]:
    """Nothing has to arrive here, so it does not run."""
    async with slack_desk(tmp_path, run=False) as opened:
        yield opened


async def opened(desk: SlackDesk) -> str:
    """The ref of a thread."""
    outcome = await desk.connector.deliver(root())
    assert isinstance(outcome, Sent)
    return outcome.remote_ids[0]


def root(**changes: Any) -> Delivery:
    return delivery(kind=DeliveryKind.ROOT, outgoing=Outgoing(card=CARD), **changes)


def about(kind: DeliveryKind, target: str | None, **changes: Any) -> Delivery:
    return delivery(kind=kind, outgoing=Outgoing(target=target, **changes))


def marked(desk: SlackDesk, sent: Delivery) -> list[Accepted]:
    """What Slack took with the mark of that delivery."""
    return [post for post in desk.slack.truth if post.oid == sent.id.hex and post.event_type == "gw.out"]


async def test_a_root_is_the_card_in_a_channel_known_by_name(desk: SlackDesk) -> None:
    outcome = await desk.connector.deliver(root(address="#aftersale"))
    [post] = desk.slack.messages("#aftersale")
    assert outcome == Sent((f"{post.channel}:{post.ts}",))
    assert post.text == "#17 Wang Fang: Where is my order?"
    assert post.metadata is not None
    assert post.metadata["event_type"] == "gw.out"


async def test_channels_are_listed_once_over_all_pages(desk: SlackDesk) -> None:
    for number in range(2_500):
        desk.slack.workspace.add_channel(f"other-{number}")
    desk.slack.workspace.add_channel("vip")
    for _ in range(3):
        assert isinstance(await desk.connector.deliver(root(address="#vip")), Sent)
    assert desk.slack.calls["conversations.list"] == 3


async def test_a_channel_that_is_not_there_is_down_alone_and_says_what_to_do(desk: SlackDesk) -> None:
    outcome = await desk.connector.deliver(root(address="#nowhere"))
    assert isinstance(outcome, PlaceDown)
    assert '"#nowhere"' in outcome.reason


async def test_a_message_goes_into_its_thread_and_names_the_customer(desk: SlackDesk) -> None:
    thread = await opened(desk)
    question = delivery("Where is <my> order?", thread=thread)
    outcome = await desk.connector.deliver(question)
    post = desk.slack.thread("#support-1", thread.partition(":")[2])[1]
    assert outcome == Sent((f"{post.channel}:{post.ts}",))
    assert post.text == "Wang Fang: Where is &lt;my&gt; order?"
    assert post.metadata is not None
    assert post.metadata["event_payload"]["oid"] == question.id.hex
    assert post.metadata["event_payload"]["part"] == 1


async def test_the_card_follows_the_conversation(desk: SlackDesk) -> None:
    thread = await opened(desk)
    outgoing = Outgoing(card=replace(CARD, status=Status.RESOLVED))
    outcome = await desk.connector.deliver(delivery(kind=DeliveryKind.CARD, thread=thread, outgoing=outgoing))
    [post] = desk.slack.messages("#support-1")
    assert outcome == Sent((thread,))
    assert "Status: resolved" in str(post.blocks)


async def test_a_notice_is_seen_to_come_from_the_system(desk: SlackDesk) -> None:
    thread = await opened(desk)
    notice = Outgoing(text=of_text("The mail bounced: <!here>"))
    outcome = await desk.connector.deliver(delivery(kind=DeliveryKind.NOTICE, thread=thread, outgoing=notice))
    assert isinstance(outcome, Sent)
    post = desk.slack.messages("#support-1")[1]
    assert post.blocks[0]["elements"][0]["text"] == "\N{BELL} Onevoice"
    assert post.mentions == 0


async def test_edit_delete_and_reaction_reach_their_message_and_may_be_repeated(desk: SlackDesk) -> None:
    target = await opened(desk)
    post = desk.slack.messages("#support-1")[0]
    reacting = about(DeliveryKind.REACTION, target, reaction="\N{WHITE HEAVY CHECK MARK}")
    taking = about(DeliveryKind.REACTION, target, reaction="-white_check_mark")
    editing = about(DeliveryKind.EDIT, target, text=of_text("new words"))
    deleting = about(DeliveryKind.DELETE, target)
    effects: list[tuple[Delivery, Callable[[], bool]]] = [
        (reacting, lambda: post.reactions == {"white_check_mark": ["U0ONEVOICE"]}),
        (taking, lambda: post.reactions == {}),
        (editing, lambda: post.text == "new words"),
        (deleting, lambda: desk.slack.messages("#support-1") == []),
    ]
    for each, took_effect in effects:
        for _ in range(2):
            assert await desk.connector.deliver(each) == Sent((target,))
            assert took_effect()
        assert isinstance(await desk.connector.reconcile(each), NotSent)


async def test_a_mark_on_a_post_that_its_author_deleted_is_done(desk: SlackDesk) -> None:
    target = await opened(desk)
    desk.slack.delete("alice", "#support-1", target.partition(":")[2])
    marking = about(DeliveryKind.REACTION, target, reaction="memo")
    assert await desk.connector.deliver(marking) == Sent((target,))


async def test_an_edit_of_what_is_gone_is_rejected(desk: SlackDesk) -> None:
    target = await opened(desk)
    desk.slack.delete("alice", "#support-1", target.partition(":")[2])
    outcome = await desk.connector.deliver(about(DeliveryKind.EDIT, target, text=of_text("new")))
    assert isinstance(outcome, Rejected)


async def test_r4_nothing_leaves_without_the_lease(desk: SlackDesk) -> None:
    thread = await opened(desk)
    desk.ports.held = False
    for each in (root(), delivery(thread=thread), delivery(kind=DeliveryKind.NOTICE, thread=thread)):
        assert isinstance(await desk.connector.deliver(each), NotSent)
    assert len(desk.slack.truth) == 1


async def test_r4_a_sleeper_puts_no_older_words_over_newer_ones(desk: SlackDesk) -> None:
    target = await opened(desk)
    post = desk.slack.messages("#support-1")[0]
    await desk.connector.deliver(about(DeliveryKind.EDIT, target, text=of_text("newer words")))
    desk.ports.held = False
    for each in (
        about(DeliveryKind.EDIT, target, text=of_text("older words")),
        about(DeliveryKind.REACTION, target, reaction="white_check_mark"),
        about(DeliveryKind.DELETE, target),
    ):
        assert isinstance(await desk.connector.deliver(each), NotSent)
    assert desk.slack.messages("#support-1")[0].text == "newer words"
    assert post.reactions == {}


async def test_s19_a_refused_connection_is_not_sent(desk: SlackDesk) -> None:
    thread = await opened(desk)
    await desk.connector.close()  # no kept connection: what that would answer is not certain
    await desk.slack.stop()
    outcome = await desk.connector.deliver(delivery(thread=thread))
    assert isinstance(outcome, NotSent)
    assert not outcome.limited


@pytest.mark.parametrize("effect", [True, False])
async def test_s19_s20_a_lost_answer_is_looked_up_and_posted_once(desk: SlackDesk, effect: bool) -> None:
    thread = await opened(desk)
    question = delivery(thread=thread)
    desk.slack.faults.on("chat.postMessage", Cut(effect=effect))
    assert isinstance(await desk.connector.deliver(question), Unknown)
    found = await desk.connector.reconcile(question)
    if effect:
        assert found == Sent((f"C0SUPPORT1:{marked(desk, question)[0].ts}",))
    else:
        assert isinstance(found, NotSent)
        assert isinstance(await desk.connector.deliver(question), Sent)
    assert len(marked(desk, question)) == 1


async def test_s19_a_lost_answer_to_a_root_is_found_in_the_channel(desk: SlackDesk) -> None:
    opening = root()
    desk.slack.faults.on("chat.postMessage", Cut())
    assert isinstance(await desk.connector.deliver(opening), Unknown)
    assert await desk.connector.reconcile(opening) == Sent((f"C0SUPPORT1:{desk.slack.truth[0].ts}",))


async def test_s20_the_look_up_turns_every_page(desk: SlackDesk) -> None:
    thread = await opened(desk)
    ts = thread.partition(":")[2]
    for number in range(450):
        desk.slack.post("alice", "#support-1", f"message {number}", thread_ts=ts)
    question = delivery(thread=thread)
    desk.slack.faults.on("chat.postMessage", Cut())
    await desk.connector.deliver(question)
    assert isinstance(await desk.connector.reconcile(question), Sent)
    assert desk.slack.calls["conversations.replies"] == 3


async def test_s20_slacks_index_may_lag_and_then_knows_it(desk: SlackDesk) -> None:
    thread = await opened(desk)
    question = delivery(thread=thread)
    desk.slack.faults.on("chat.postMessage", Cut())
    await desk.connector.deliver(question)
    desk.slack.faults.lag = 5.0
    assert isinstance(await desk.connector.reconcile(question), NotSent)
    desk.slack.faults.lag = 0.0
    assert isinstance(await desk.connector.reconcile(question), Sent)
    assert desk.connector.capabilities.lookups == 2
    assert desk.connector.capabilities.lookup_gap >= timedelta(seconds=10)


@pytest.mark.parametrize("fault", [Limited(30), Broken(503), Cut(effect=False), Refused("internal_error")], ids=str)
async def test_s20_a_look_up_that_fails_decides_nothing(desk: SlackDesk, fault: Fault) -> None:
    thread = await opened(desk)
    desk.slack.faults.on("conversations.replies", fault)
    assert isinstance(await desk.connector.reconcile(delivery(thread=thread)), Unknown)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Refused("ratelimited"), NotSent),
        (Refused("internal_error"), Unknown),
        (Refused("fatal_error"), Unknown),
        (Refused("service_unavailable"), Unknown),
        (Refused("request_timeout"), NotSent),
        (Broken(500), Unknown),
        (Broken(503), Unknown),
        *((Refused(code), AccountDown) for code in ("invalid_auth", "token_revoked", "account_inactive")),
        (Refused("missing_scope"), AccountDown),
        *((Refused(code), PlaceDown) for code in ("not_in_channel", "is_archived", "channel_not_found")),
        (Refused("restricted_action_thread_locked"), Rejected),
        (Refused("a_code_of_the_future"), Rejected),
    ],
    ids=str,
)
async def test_s28_every_answer_has_its_class(desk: SlackDesk, fault: Fault, expected: type) -> None:
    thread = await opened(desk)
    desk.slack.faults.on("chat.postMessage", fault)
    assert isinstance(await desk.connector.deliver(delivery(thread=thread)), expected)
    assert len(desk.slack.truth) == 1


async def test_x13_slacks_own_wish_to_wait_is_kept_exactly(desk: SlackDesk) -> None:
    thread = await opened(desk)
    desk.slack.faults.on("chat.postMessage", Limited(17))
    outcome = await desk.connector.deliver(delivery(thread=thread))
    assert isinstance(outcome, NotSent)
    assert (outcome.limited, outcome.account_wide, outcome.retry_after) == (True, False, timedelta(seconds=17))


async def test_s28_an_archived_channel_rejects_nothing_and_works_again(desk: SlackDesk) -> None:
    thread = await opened(desk)
    question = delivery(thread=thread)
    desk.slack.channel("#support-1").archived = True
    for _ in range(3):
        assert isinstance(await desk.connector.deliver(question), PlaceDown)
    desk.slack.channel("#support-1").archived = False
    assert isinstance(await desk.connector.deliver(question), Sent)


@pytest.mark.parametrize("code", ["msg_too_long", "invalid_blocks", "msg_blocks_too_long"])
async def test_s28_what_cannot_be_shown_formatted_is_shown_plain(desk: SlackDesk, code: str) -> None:
    thread = await opened(desk)
    text = RichText((Paragraph((Span("new", Style.BOLD), Span(" words & more"))),))
    outgoing = Outgoing(text=text, author="Wang Fang", author_kind=AuthorKind.CUSTOMER)
    desk.slack.faults.on("chat.postMessage", Refused(code))
    question = delivery(thread=thread, outgoing=outgoing)
    assert isinstance(await desk.connector.deliver(question), Sent)
    post = desk.slack.messages("#support-1")[1]
    assert (post.text, list(post.blocks)) == ("Wang Fang\nnew words &amp; more", [])
    desk.slack.faults.on("chat.postMessage", Refused(code), Refused(code))
    assert isinstance(await desk.connector.deliver(delivery(thread=thread)), Rejected)
    desk.slack.faults.on("chat.update", Refused(code))
    editing = about(DeliveryKind.EDIT, f"C0SUPPORT1:{post.ts}", text=of_text("plain at last"))
    assert isinstance(await desk.connector.deliver(editing), Sent)
    assert post.text == "plain at last"


async def test_s22_a_text_slack_would_cut_off_is_rejected(desk: SlackDesk) -> None:
    thread = await opened(desk)
    assert isinstance(await desk.connector.deliver(delivery("x" * 50_000, thread=thread)), Rejected)
    assert isinstance(await desk.connector.deliver(delivery("<" * 3_800, thread=thread)), Sent)
    assert desk.slack.truncated == 0


async def test_s23_the_stand_in_counts_no_mention_and_no_masked_link(desk: SlackDesk) -> None:
    thread = await opened(desk)
    hostile = "<!channel> <@U0ALICE> <https://evil.example|bank.example> &lt;!here&gt; @here *x* `y`"
    await desk.connector.deliver(delivery(hostile, thread=thread))
    post = desk.slack.messages("#support-1")[1]
    assert (post.mentions, post.masked_links) == (0, 0)
    assert post.blocks[1]["elements"][0]["elements"] == [{"type": "text", "text": hostile}]


async def test_s29_a_deleted_root_is_replaced_and_said_so(desk: SlackDesk) -> None:
    """Slack un-threads the message and tells it only in the answer; what it put in the channel becomes the root."""
    thread = await opened(desk)
    desk.slack.delete("alice", "#support-1", thread.partition(":")[2])
    question = delivery(thread=thread)
    outcome = await desk.connector.deliver(question)
    new_root, post = desk.slack.messages("#support-1")
    assert outcome == Sent((f"C0SUPPORT1:{post.ts}",), thread=f"C0SUPPORT1:{new_root.ts}")
    assert post.thread_ts == new_root.ts
    assert post.text == "Wang Fang: Where is my order?"
    assert "#17: the earlier thread" in new_root.text
    following = delivery("Hello?", thread=outcome.thread)
    assert isinstance(await desk.connector.deliver(following), Sent)
    assert len(desk.slack.thread("#support-1", new_root.ts)) == 3


async def test_s29_only_the_post_in_the_thread_is_the_delivery(tmp_path: Path) -> None:
    async with slack_desk(tmp_path) as desk:
        root = await desk.thread()
        desk.slack.delete("alice", "#support-1", root)
        question = delivery(thread=f"C0SUPPORT1:{root}")
        outcome = await desk.connector.deliver(question)
        assert isinstance(outcome, Sent)
        await desk.slack.until(lambda: desk.slack.events.waiting == 0)
        assert [each.remote_id for each in desk.ports.inbound] == [outcome.remote_ids[0]]


@pytest.mark.parametrize("code", ["thread_not_found", "cannot_reply_to_message"])
async def test_s29_a_refused_thread_is_replaced_too(desk: SlackDesk, code: str) -> None:
    thread = await opened(desk)
    desk.slack.faults.on("chat.postMessage", Refused(code))
    outcome = await desk.connector.deliver(delivery(thread=thread))
    _, new_root, post = desk.slack.messages("#support-1")
    assert outcome == Sent((f"C0SUPPORT1:{post.ts}",), thread=f"C0SUPPORT1:{new_root.ts}")


async def test_s29_a_new_root_is_made_once_though_the_message_fails(desk: SlackDesk) -> None:
    thread = await opened(desk)
    desk.slack.delete("alice", "#support-1", thread.partition(":")[2])
    question = delivery(thread=thread)
    desk.slack.faults.on("chat.postMessage", Late(0.0), Cut())
    first = await desk.connector.deliver(question)
    assert isinstance(first, Unknown)
    question = replace(question, checkpoint=desk.ports.checkpoints[question.id])
    found = await desk.connector.reconcile(question)
    new_root, post = desk.slack.messages("#support-1")
    assert found == Sent((f"C0SUPPORT1:{post.ts}",), thread=f"C0SUPPORT1:{new_root.ts}")


async def test_s29_a_root_with_replies_leaves_its_thread_usable(desk: SlackDesk) -> None:
    thread = await opened(desk)
    await desk.connector.deliver(delivery(thread=thread))
    desk.slack.delete("alice", "#support-1", thread.partition(":")[2])
    outcome = await desk.connector.deliver(delivery("Hello?", thread=thread))
    assert isinstance(outcome, Sent)
    assert outcome.thread is None
    assert len(desk.slack.thread("#support-1", thread.partition(":")[2])) == 3


async def test_s29_a_card_whose_root_is_gone_is_posted_anew(desk: SlackDesk) -> None:
    thread = await opened(desk)
    desk.slack.delete("alice", "#support-1", thread.partition(":")[2])
    updating = delivery(kind=DeliveryKind.CARD, thread=thread, outgoing=Outgoing(card=CARD))
    outcome = await desk.connector.deliver(updating)
    [post] = desk.slack.messages("#support-1")
    assert outcome == Sent((f"C0SUPPORT1:{post.ts}",), thread=f"C0SUPPORT1:{post.ts}")


async def test_b1_the_probe_says_what_is_wrong_and_what_to_do(desk: SlackDesk) -> None:
    assert await desk.connector.probe() is None
    desk.slack.scopes = "chat:write,users:read"
    assert "channels:history, channels:read" in (await desk.connector.probe() or "")
    desk.slack.faults.on("auth.test", Refused("token_revoked"))
    assert "token_revoked" in (await desk.connector.probe() or "")
    desk.slack.faults.on("conversations.list", Refused("missing_scope"))
    assert "missing_scope" in (await desk.connector.probe() or "")
    assert set(desk.slack.calls) <= {"auth.test", "conversations.list"}
