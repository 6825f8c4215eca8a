"""The sandbox's page in a real browser: clicked through as a newcomer does."""

import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.browser.chromium import PATIENCE, Watched, needs_chromium, open_chromium
from tests.browser.corpus import hostile
from tests.browser.sandbox import Sandbox, open_sandbox

pytestmark = [pytest.mark.browser, needs_chromium]

PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with open_sandbox(tmp_path_factory.mktemp("sandbox") / "data") as opened:
        yield opened


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE * 1000)
    with open_chromium() as opened:
        yield opened


@pytest.fixture
def watched(browser: Browser, sandbox: Sandbox) -> Iterator[Watched]:
    """The sandbox's page, ready and with the tour at its start."""
    opened = Watched(browser)
    opened.page.goto(sandbox.url)
    opened.page.request.post(f"{sandbox.url}/sandbox/tour/restart")
    expect(opened.page.locator("#tour .what b")).to_have_text("Write to the shop on Telegram")
    yield opened
    opened.page.close()


def test_the_first_minute_passes_by_clicks_on_every_channel(watched: Watched) -> None:
    """The mail is sent first, so that the ten seconds in which its answer can be undone pass meanwhile."""
    page = watched.page
    page.locator("#mail").get_by_role("button", name="New mail").click()
    page.get_by_label("Subject").fill("Order 1077")
    page.get_by_label("Text of the mail").fill("The lamp arrived with a crack. I want a refund.")
    page.locator("#mail").get_by_role("button", name="Send").click()
    answer(page, "aftersale", "Ann Archer", "Your refund is on its way.")

    step(page, "Write to the shop on Telegram")
    page.get_by_role("button", name="Fill in an example").click()
    page.get_by_role("button", name="Send on Telegram").click()
    step(page, "Answer in the thread")
    expect(page.locator("#slack .posts")).to_contain_text("Hi! Where is my order 1042?")
    page.get_by_role("button", name="Fill in an answer").click()
    page.get_by_role("button", name="Send the reply").click()
    step(page, "See it arrive")
    expect(page.locator("#telegram .chat .theirs")).to_contain_text("it left our warehouse this morning")

    step(page, "Ask in the shop's web chat")
    chat = watched.open_chat()
    chat.locator("#pick").set_input_files({"name": "pot.png", "mimeType": "image/png", "buffer": PICTURE})
    chat.locator("#text").fill("Is this teapot dishwasher-safe?")
    chat.locator("#send").click()
    step(page, "Answer in the thread")
    expect(page.locator("#slack .post.customer").first).to_contain_text("Is this teapot dishwasher-safe?")
    expect(page.locator("#slack .posts .picture img")).to_have_attribute("alt", "pot.png")
    page.locator("#slack input[type=file]").set_input_files(
        {"name": "care.txt", "mimeType": "text/plain", "buffer": b"Wash by hand."}
    )
    page.get_by_label("Reply in the thread").fill("It is. Only the lid wants to be washed by hand.")
    page.get_by_role("button", name="Send the reply").click()
    expect(chat.locator("#log")).to_contain_text("Only the lid wants to be washed by hand.")
    with page.expect_download() as download:
        chat.locator("#log a", has_text="care.txt").click()
    assert Path(download.value.path()).read_bytes() == b"Wash by hand."

    page.locator("#mail").get_by_role("tab", name="Inbox").click()
    page.locator("#mail .list button", has_text="Order 1077").click()
    expect(page.locator("#mail .mail .text")).to_have_text("Your refund is on its way.")
    step(page, "That was the first minute.")
    assert watched.troubles == []


def test_w10_hostile_text_is_shown_as_text_and_asks_nobody(watched: Watched, sandbox: Sandbox) -> None:
    page = watched.page
    with a_canary() as (canary, asked):
        lines = hostile(canary)
        text = "\n".join(lines)
        name = "<img src=x onerror=alert(1)>.txt"
        hooks = FilePayload(name=name, mimeType="text/plain", buffer=b"harmless")

        page.locator("#telegram input[type=file]").set_input_files(hooks)
        page.get_by_label("Telegram message").fill(text)
        page.get_by_role("button", name="Send on Telegram").click()
        page.locator("#mail").get_by_role("button", name="New mail").click()
        page.get_by_label("Subject").fill(lines[2])
        page.get_by_label("Text of the mail").fill(text)
        page.locator("#mail input[type=file]").set_input_files(hooks)
        page.locator("#mail").get_by_role("button", name="Send").click()
        chat = watched.open_chat()
        chat.locator("#pick").set_input_files(hooks)
        chat.locator("#text").fill(text)
        chat.locator("#send").click()

        expect(page.locator("#telegram .chat")).to_contain_text(name)
        shown(page.locator("#telegram .chat .mine").last.inner_text(), lines)
        page.locator("#mail .list button", has_text="onerror").click()
        expect(page.locator("#mail .mail h3")).to_have_text(lines[2])
        expect(page.locator("#mail .mail .files")).to_contain_text(name)
        shown(page.locator("#mail .mail .text").inner_text(), lines)
        shown(chat.locator("#log .mine").last.inner_text(), lines)
        for customer in ("Tom", "Visitor"):
            thread(page, "support-[12]", customer, "alert(1)")
            shown(page.locator("#slack .posts").inner_text(), lines)
            page.get_by_label("Reply in the thread").fill(text)
            page.get_by_role("button", name="Send the reply").click()
        expect(page.locator("#telegram .chat .theirs").last).to_contain_text("constructor")
        shown(page.locator("#telegram .chat .theirs").last.inner_text(), lines)
        expect(chat.locator("#log")).to_contain_text(re.compile("Alice Chen.*constructor", re.DOTALL))
        shown(chat.locator("#log").inner_text().rpartition("Alice Chen")[2], lines)

        page.reload()
        expect(page.locator("#telegram .chat .theirs").last).to_contain_text("constructor")
        assert asked == []
    assert watched.troubles == []


def test_on_a_narrow_screen_tabs_show_one_pane_at_a_time(watched: Watched) -> None:
    page = watched.page
    page.set_viewport_size({"width": 420, "height": 800})
    expect(page.locator("#telegram")).to_be_visible()
    expect(page.locator("#slack")).to_be_hidden()
    page.get_by_role("tab", name="Telegram").focus()
    for pane in ("#shop", "#mail", "#slack"):
        page.keyboard.press("ArrowRight")
        expect(page.locator(pane)).to_be_visible()
    expect(page.locator("#telegram")).to_be_hidden()
    heights = page.locator("#slack .channels button").evaluate_all("rows => rows.map((row) => row.offsetHeight)")
    assert max(heights) < 45, "the name of a channel is broken into lines"

    page.get_by_role("button", name="Fill in an example").click()
    expect(page.locator("#telegram")).to_be_visible()
    page.get_by_role("button", name="Send on Telegram").click()
    step(page, "Answer in the thread")
    page.get_by_role("button", name="Fill in an answer").click()
    expect(page.get_by_role("button", name="Send the reply")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 420


def test_the_card_is_worked_by_its_buttons(watched: Watched) -> None:
    page = watched.page
    page.get_by_label("Telegram message").fill("Is the blue lamp in stock?")
    page.get_by_label("Telegram message").press("Enter")
    thread(page, "support", "", "Is the blue lamp in stock?")
    card = page.locator("#slack .card").first
    expect(card).to_contain_text("Status: open")
    card.get_by_role("button", name="Take", exact=True).click()
    expect(page.locator("#slack .posts")).to_contain_text("Alice Chen has it now.")
    expect(card).to_contain_text("Owner: Alice Chen")
    card.get_by_label("More").select_option("hold")
    expect(card).to_contain_text("Status: on hold")
    page.locator("#slack .me select").select_option("guest")
    card.get_by_role("button", name="Resolve").click()
    expect(page.locator("#slack .posts")).to_contain_text("Only visible to you")
    expect(page.locator("#slack .posts")).to_contain_text("Not done")
    page.locator("#slack .me select").select_option("alice")
    expect(page.locator("#slack .posts")).not_to_contain_text("Only visible to you")
    assert watched.troubles == []


def test_w3_the_chat_comes_back_after_the_gateway_was_killed(watched: Watched, sandbox: Sandbox) -> None:
    """The last test: the stand-ins forget everything with the process, the gateway nothing."""
    page = watched.page
    chat = watched.open_chat()
    chat.locator("#text").fill("Before the crash")
    chat.locator("#send").click()
    thread(page, "support-[12]", "Visitor", "Before the crash")
    page.get_by_label("Reply in the thread").fill("We are listening")
    page.get_by_role("button", name="Send the reply").click()
    expect(chat.locator("#log")).to_contain_text("We are listening")

    sandbox.end(signal.SIGKILL)
    expect(chat.locator("#state")).not_to_have_text("")
    expect(page.locator(".notice.alone")).to_be_visible()
    chat.locator("#text").fill("During the crash")
    chat.locator("#send").click()
    expect(chat.locator("#log .mine").last).not_to_contain_text("Sent")
    sandbox.start()

    expect(chat.locator("#log .mine").last).to_contain_text("Sent")
    expect(chat.locator("#state")).to_have_text("")
    expect(page.locator(".notice.alone")).to_be_hidden()
    expect(page.locator("#slack .channels .unread")).to_have_count(1)  # Slack's stand-in has forgotten the others
    page.locator("#slack .channels .unread button").click()
    page.locator("#slack .replies").click()
    expect(page.locator("#slack .posts")).to_contain_text("During the crash")
    page.get_by_label("Reply in the thread").fill("Here we are again")
    page.get_by_role("button", name="Send the reply").click()
    expect(chat.locator("#log")).to_contain_text("Here we are again")
    for words in ("Before the crash", "We are listening", "During the crash", "Here we are again"):
        expect(chat.locator("#log").get_by_text(words)).to_have_count(1)


def step(page: Page, title: str) -> None:
    expect(page.locator("#tour .what b")).to_have_text(title)


def thread(page: Page, channel: str, customer: str, words: str) -> None:
    """Open the newest conversation of a customer, in whichever of the channels its text is."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for entry in page.locator("#slack .channels button", has_text=re.compile(channel)).all():
            entry.click()
            card = page.locator("#slack .post", has_text=re.compile(rf"#\d+ {customer}"))
            with suppress(AssertionError, PlaywrightTimeout):  # the page still showed another channel
                card.last.locator(".replies").click(timeout=2000)
                expect(page.locator("#slack .posts")).to_contain_text(words, timeout=2000)
                return
    raise AssertionError(f"no conversation of {customer} shows {words!r}")


def answer(page: Page, channel: str, customer: str, words: str) -> None:
    """Find a customer's conversation in a Slack channel and answer in it."""
    page.locator("#slack .channels button", has_text=channel).click()
    page.locator("#slack .post", has_text=customer).last.locator(".replies").click()
    page.get_by_label("Reply in the thread").fill(words)
    page.get_by_role("button", name="Send the reply").click()
    expect(page.locator("#slack .posts")).to_contain_text(words)


def shown(seen: str, lines: tuple[str, ...]) -> None:
    """Every line is there for the eye, character by character."""
    missing = [line for line in lines if line not in seen]
    assert missing == [], seen


@contextmanager
def a_canary() -> Iterator[tuple[str, list[str]]]:
    """A server that nobody may ask; its address and what it was asked."""
    asked: list[str] = []

    class Canary(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_POST = do_GET  # noqa: N815  its parent's name

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its parent's name
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Canary)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_form_is_filled_in_by_mouse_and_by_keyboard(watched: Watched) -> None:
    page = watched.page
    page.get_by_label("Whose phone").select_option(label="李梅")  # nobody else here writes as her
    page.get_by_label("Telegram message").fill("Does the lamp come with a bulb?")
    page.get_by_role("button", name="Send on Telegram").click()
    thread(page, "support|aftersale", "李梅", "come with a bulb")
    desk = page.locator("#slack")
    form = desk.get_by_label("Slack form")
    desk.get_by_label("More").first.select_option(label="Assign…")
    form.get_by_label("Person or team").select_option(label="Bob Li")
    form.get_by_role("button", name="Assign").click()
    expect(desk.locator(".posts")).to_contain_text("Owner: Bob Li")
    expect(form).to_be_hidden()
    desk.get_by_label("More").first.select_option(label="Add tags…")
    expect(form.get_by_label("More tags")).to_be_focused()
    page.keyboard.type("bulb lamp")
    page.keyboard.press("Enter")
    expect(desk.locator(".posts")).to_contain_text("Tags now: bulb, lamp.")
    desk.get_by_label("More").first.select_option(label="Link the customer…")
    expect(form.get_by_label("Who is the same customer")).to_be_focused()
    page.keyboard.type("#4711")
    page.keyboard.press("Enter")
    expect(desk.locator(".posts .whisper").last).to_be_visible()
    desk.get_by_label("More").first.select_option(label="Snooze until…")
    expect(form.get_by_label("Until")).to_have_value(re.compile(r"\d{4}-\d\d-\d\d"))
    page.keyboard.press("Escape")
    expect(form).to_be_hidden()
    assert watched.troubles == []
