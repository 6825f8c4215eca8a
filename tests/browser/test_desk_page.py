"""The desk's commands and the app's Home in a real browser."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import PATIENCE, Watched, needs_chromium, open_chromium
from tests.browser.sandbox import open_sandbox

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    expect.set_options(timeout=PATIENCE * 1000)
    with open_sandbox(tmp_path_factory.mktemp("sandbox") / "data") as sandbox, open_chromium() as browser:
        opened = Watched(browser)
        opened.page.goto(sandbox.url)
        yield opened
        opened.page.close()


def test_a_command_is_answered_in_private_and_home_follows_a_change_of_status(watched: Watched) -> None:
    page = watched.page
    desk = page.locator("#slack")
    box = desk.locator("textarea").first
    box.fill("/onevoice help")
    expect(desk.locator(".hint")).to_have_text("Onevoice answers you alone.")
    box.press("Enter")
    expect(desk.locator(".posts")).to_contain_text("Only visible to you")
    expect(desk.locator(".posts")).to_contain_text("/onevoice latency [channel]")
    desk.locator(".channels").get_by_role("button", name="Home").click()
    expect(desk.locator(".home h4").first).to_have_text("Alice Chen, available")
    desk.locator(".home").get_by_role("button", name="On a break").click()
    expect(desk.locator(".home h4").first).to_have_text("Alice Chen, on a break")
    assert watched.troubles == []


def test_whoever_asks_stays_with_the_question(watched: Watched) -> None:
    page = watched.page
    desk = page.locator("#slack")
    desk.locator(".me select").select_option("dana")
    desk.locator(".channels").get_by_role("button", name="help").click()
    box = desk.locator("textarea").first
    box.fill("Where is the printer paper?")
    box.press("Enter")
    expect(desk.locator(".channels .unread")).to_have_text(re.compile("support-[12]"))
    expect(desk.locator(".place h3")).to_have_text("# help")
    expect(desk.locator(".posts")).to_contain_text("Where is the printer paper?")
    assert watched.troubles == []
