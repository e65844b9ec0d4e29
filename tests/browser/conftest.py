"""A real browser, if this machine has one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.unit.reports.html.recorded import Recorded

Open = Callable[..., Any]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window; the tests that want it are skipped, with what is missing, where it is not there."""
    playwright = pytest.importorskip("playwright.sync_api", reason="not installed here: playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("not installed here: chromium")
    with playwright.sync_playwright() as started:
        # Inside of a container there is no second sandbox to be had.
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


class Sight:
    """An open page, and all that it did which a report must not do.

    Attributes:
        page: of Playwright.
        requests: addresses that it asked for beside its own.
        loaded: those of them from which something came.
        complaints: errors of scripts and of the console.
        dialogs: messages that were shown.
    """

    def __init__(self, page: Any) -> None:
        self.page = page
        self.requests: list[str] = []
        self.loaded: list[str] = []
        self.complaints: list[str] = []
        self.dialogs: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("requestfinished", lambda request: self.loaded.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("dialog", self._close)

    def _close(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def show(self, path: Path) -> None:
        """Open a file, and look at all of it, so that every chart is drawn."""
        self.page.goto(path.as_uri())
        self.requests.remove(path.as_uri())
        self.loaded.remove(path.as_uri())
        for figure in self.page.query_selector_all("figure"):
            figure.scroll_into_view_if_needed()
        self.page.evaluate("window.scrollTo(0, 0)")

    def pictures(self) -> list[str]:
        """Return what the charts look like."""
        found: list[str] = self.page.evaluate("[...document.querySelectorAll('canvas')].map(one => one.toDataURL())")
        return found

    def charts(self, count: int) -> list[Any]:
        """Return the places that the mouse can be moved over, when so many charts are drawn."""
        self.page.locator(".u-over").nth(count - 1).wait_for()
        found: list[Any] = self.page.query_selector_all(".u-over")
        assert len(found) == count
        return found


@pytest.fixture
def sight(browser: Any) -> Iterator[Open]:
    """Open reports: ``sight(path, width=390)``; further options are those of a context of Playwright."""
    contexts = []

    def open_it(path: Path, width: int = 1280, **options: Any) -> Sight:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        seen = Sight(contexts[-1].new_page())
        seen.show(path)
        return seen

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """A run that a test writes by hand."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    with TemporaryDirectory(prefix="lineside-") as directory:
        run = Recorded(Path(directory))
        yield run
        run.end()
