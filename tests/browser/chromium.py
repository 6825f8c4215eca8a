"""Chromium without a screen, and what the tests want to know of a page."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Frame, Page, sync_playwright

PATIENCE = 40.0
"""Seconds; the machine may be busy, and a mail is held for ten."""
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

PROGRAM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
needs_chromium = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")


@contextmanager
def open_chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page in a window of its own, and what went wrong in it: errors, refusals of its policy, dialogs."""

    def __init__(self, browser: Browser) -> None:
        self.troubles: list[str] = []
        self.page: Page = browser.new_page(viewport={"width": 1280, "height": 800})
        self.page.set_default_timeout(PATIENCE * 1000)
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on("console", self._console)
        self.page.on("dialog", self._dialog)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.troubles.append(f"console: {message.text}")

    def _dialog(self, dialog: Dialog) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, f"waited for: {what}"
            self.page.wait_for_timeout(50)

    def open_chat(self) -> Frame:
        """Click the button in the corner of the shop and come back with the chat's own frame, connected."""
        place = self.page.locator("#shop iframe").bounding_box()
        assert place is not None
        self.page.mouse.click(place["x"] + place["width"] - 48, place["y"] + place["height"] - 48)
        self.until("the frame of the chat", lambda: self._chat() is not None)
        chat = self._chat()
        assert chat is not None
        chat.locator("#log[aria-live=polite]").wait_for()
        return chat

    def _chat(self) -> Frame | None:
        return next((frame for frame in self.page.frames if frame.url.endswith("/webchat/web/frame")), None)
