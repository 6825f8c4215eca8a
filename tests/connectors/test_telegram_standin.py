"""The stand-in itself, judged by the library everybody uses: `telegram.Bot` on its own HTTP client."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from telegram import Bot, MessageEntity, ReplyParameters
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError

from gateway.clock import now
from gateway.sandbox.telegram import TelegramStandIn
from gateway.sandbox.telegram_faults import broken, limited


@pytest_asyncio.fixture
async def telegram() -> AsyncIterator[TelegramStandIn]:
    telegram = TelegramStandIn(now)
    await telegram.start()
    yield telegram
    await telegram.stop()


@pytest_asyncio.fixture
async def bot(telegram: TelegramStandIn) -> AsyncIterator[Bot]:
    base, files = f"{telegram.url}/bot", f"{telegram.url}/file/bot"
    async with Bot(telegram.token, base_url=base, base_file_url=files) as bot:
        yield bot


async def test_updates_are_confirmed_by_the_offset_and_given_again_without_it(
    telegram: TelegramStandIn, bot: Bot
) -> None:
    telegram.say("Mei", "one")
    telegram.say("Mei", "two")

    first, second = await bot.get_updates()
    again = await bot.get_updates(offset=first.update_id)
    [rest] = await bot.get_updates(offset=second.update_id)
    nothing = await bot.get_updates(offset=second.update_id + 1, timeout=0)

    assert first.message is not None
    assert first.message.text == "one"
    assert [update.update_id for update in again] == [first.update_id, second.update_id]
    assert rest == second
    assert nothing == ()


async def test_a_poll_waits_for_the_first_update(telegram: TelegramStandIn, bot: Bot) -> None:
    async with asyncio.TaskGroup() as tasks:
        polling = tasks.create_task(bot.get_updates(timeout=5))
        await asyncio.sleep(0.05)
        telegram.say("Mei", "one")

    assert len(polling.result()) == 1


async def test_t3_an_offset_far_from_the_queue_is_answered_from_its_head(telegram: TelegramStandIn, bot: Bot) -> None:
    telegram.updates.next_id = 500
    telegram.say("Mei", "one")

    assert len(await bot.get_updates(offset=500 + 11, timeout=0)) == 1, "beyond the tail by more than 10"
    assert len(await bot.get_updates(offset=500 + 10, timeout=0)) == 0, "and within it"


async def test_t5_the_older_of_two_polls_ends_with_409(telegram: TelegramStandIn, bot: Bot) -> None:
    async with Bot(telegram.token, base_url=f"{telegram.url}/bot") as second, asyncio.TaskGroup() as tasks:
        older = tasks.create_task(outcome(bot))
        await telegram.until(lambda: "getupdates" in [method for method, _ in telegram.calls])
        newer = tasks.create_task(outcome(second))
        await older
        telegram.say("Mei", "one")

    assert "terminated by other getUpdates" in older.result()
    assert newer.result() == "1 updates"


async def outcome(bot: Bot) -> str:
    """What a long poll brought."""
    try:
        return f"{len(await bot.get_updates(timeout=5))} updates"
    except Conflict as error:
        return str(error)


async def test_t8_the_list_of_types_is_remembered_and_reactions_must_be_asked_for(
    telegram: TelegramStandIn, bot: Bot
) -> None:
    number = telegram.say("Mei", "one")
    telegram.react("Mei", number, "👍")
    await bot.get_updates(allowed_updates=["message_reaction"], timeout=0)
    telegram.say("Mei", "two")
    telegram.react("Mei", number, "👍")

    updates = await bot.get_updates(timeout=0)

    assert [update.message is not None for update in updates] == [True, False]
    assert updates[1].message_reaction is not None


async def test_a_negative_offset_forgets_the_queue(telegram: TelegramStandIn, bot: Bot) -> None:
    for text in ("one", "two", "three"):
        telegram.say("Mei", text)

    [last] = await bot.get_updates(offset=-1, timeout=0)

    assert last.message is not None
    assert last.message.text == "three"
    assert telegram.pending == 1


@pytest.mark.parametrize(
    ("text", "entities", "words"),
    [
        ("", [], "message text is empty"),
        ("  \n ", [], "message text is empty"),
        ("x" * 4097, [], "message is too long"),
        (
            "abc",
            [("bold", 0, 4)],
            "entity beginning at UTF-16 offset 0 ends after the end of the text at UTF-16 offset 4",
        ),
        (
            "abcdefghijkl",
            [("bold", 0, 6), ("italic", 3, 9)],
            "entity beginning at UTF-16 offset 3 ends after the end of the text at UTF-16 offset 12",
        ),
        ("😀", [("bold", 0, 1)], "in a middle of a UTF-16 symbol"),
        ("abc", [("sparkle", 0, 1)], "Unsupported type specified"),
    ],
)
async def test_texts_are_judged_as_strictly_as_there(
    telegram: TelegramStandIn, bot: Bot, text: str, entities: list[tuple[str, int, int]], words: str
) -> None:
    telegram.say("Mei", "hello")

    with pytest.raises(BadRequest, match=f"(?i){words}"):
        await bot.send_message(5001, text, entities=[MessageEntity(*entity) for entity in entities])
    assert telegram.truth == []


async def test_text_is_trimmed_and_what_lies_inside_code_is_dropped(telegram: TelegramStandIn, bot: Bot) -> None:
    telegram.say("Mei", "hello")
    entities = [MessageEntity("code", 1, 4), MessageEntity("bold", 2, 2), MessageEntity("hashtag", 6, 2)]

    message = await bot.send_message(5001, "\ncode #x ", entities=entities)

    assert message.text == "code #x"
    assert [(entity.type, entity.offset, entity.length) for entity in message.entities] == [("code", 0, 4)]


@pytest.mark.parametrize(
    ("user", "error", "words"),
    [(999, BadRequest, "chat not found"), (5002, Forbidden, "initiate"), (5001, Forbidden, "blocked by the user")],
)
async def test_who_cannot_be_written_to(
    telegram: TelegramStandIn, bot: Bot, user: int, error: type[TelegramError], words: str
) -> None:
    telegram.say("Mei", "hello")
    telegram.person("Jan")
    telegram.block("Mei")

    with pytest.raises(error, match=f"(?i){words}"):
        await bot.send_message(user, "hello")


async def test_the_probe_of_2_3_can_tell_three_cases_apart(telegram: TelegramStandIn, bot: Bot) -> None:
    theirs = telegram.say("Mei", "hello")
    ours = await bot.send_message(5001, "hello")

    for number, words in ((ours.message_id, "not modified"), (theirs, "can't be edited"), (99, "to edit not found")):
        with pytest.raises(BadRequest, match=f"(?i){words}"):
            await bot.edit_message_reply_markup(chat_id=5001, message_id=number)


async def test_files_go_up_and_come_down(telegram: TelegramStandIn, bot: Bot) -> None:
    telegram.say("Mei", photo=b"\xff\xd8\xff in", text="look")
    message = await bot.send_document(5001, b"%PDF out", filename="a.pdf", caption="here")
    assert message.document is not None

    [update] = await bot.get_updates()
    assert update.message is not None
    theirs = await bot.get_file(update.message.photo[-1].file_id)
    ours = await bot.get_file(message.document.file_id)

    assert update.message.caption == "look"
    assert bytes(await theirs.download_as_bytearray()) == b"\xff\xd8\xff in"
    assert bytes(await ours.download_as_bytearray()) == b"%PDF out"


async def test_a_reply_to_nothing_is_refused_unless_allowed(telegram: TelegramStandIn, bot: Bot) -> None:
    telegram.say("Mei", "hello")

    with pytest.raises(BadRequest, match="to be replied not found"):
        await bot.send_message(5001, "x", reply_parameters=ReplyParameters(99))
    allowed = ReplyParameters(99, allow_sending_without_reply=True)
    assert (await bot.send_message(5001, "x", reply_parameters=allowed)).reply_to_message is None


async def test_polling_and_webhook_exclude_each_other(telegram: TelegramStandIn, bot: Bot) -> None:
    await bot.set_webhook("http://127.0.0.1:1/", allowed_updates=["message"])
    assert (await bot.get_webhook_info()).url == "http://127.0.0.1:1/"

    with pytest.raises(Conflict, match="webhook is active"):
        await bot.get_updates()
    await bot.delete_webhook()
    assert await bot.get_updates() == ()


@pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")
async def test_faults_are_met_once_each(telegram: TelegramStandIn, bot: Bot) -> None:
    telegram.say("Mei", "hello")
    telegram.fail("sendMessage", limited(7), broken())

    with pytest.raises(RetryAfter):
        await bot.send_message(5001, "one")
    with pytest.raises(NetworkError):
        await bot.send_message(5001, "two")
    await bot.send_message(5001, "three")
    assert telegram.heard("Mei") == ["three"]


async def test_a_wrong_token_is_refused(telegram: TelegramStandIn) -> None:
    with pytest.raises(InvalidToken):
        async with Bot("777:wrong", base_url=f"{telegram.url}/bot"):
            pass


async def test_a_live_page_hears_of_every_change_until_it_leaves(telegram: TelegramStandIn, bot: Bot) -> None:
    heard: list[str] = []
    leave = telegram.watch(lambda: heard.append("change"))

    telegram.say("Mei", "hello")
    message = await bot.send_message(5001, "hi")
    await bot.edit_message_text("hi!", 5001, message.message_id)
    await bot.delete_message(5001, message.message_id)
    assert len(heard) == 4
    leave()
    telegram.say("Mei", "hello")

    assert len(heard) == 4
    assert [(shown.from_bot, shown.edited, shown.deleted) for shown in telegram.chat("Mei")] == [
        (False, False, False),
        (True, True, True),
        (False, False, False),
    ]
    assert [accepted.text for accepted in telegram.truth] == ["hi"]
