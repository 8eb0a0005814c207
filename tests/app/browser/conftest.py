"""A server and a browser for the tests of a module; each test gets profiles of its own."""

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from served import Served, browser_path, served

SIZES = ((1280, 800), (1920, 1080))
THEMES = ("light", "dark")
WAIT_MS = 30_000

Profile = Callable[..., Any]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = browser_path()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(home=tmp_path_factory.mktemp("cache")) as running:
        yield running


@pytest.fixture
def profile(browser: Any) -> Iterator[Profile]:
    """Make a page in a profile of its own; at the end no page may have asked elsewhere or logged an error."""
    made: list[tuple[Any, list[str]]] = []

    def new(theme: str = "light", size: tuple[int, int] = SIZES[0], **more: Any) -> Any:
        context = browser.new_context(
            color_scheme=theme, viewport={"width": size[0], "height": size[1]}, offline=False, **more
        )
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        wrong: list[str] = []
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: wrong.append(str(e)))
        page.on("request", lambda r: None if _is_local(r.url) else wrong.append(f"asked {r.url}"))
        page.wrong = wrong
        page.wait_for_function = partial(wait_for, page)
        made.append((context, wrong))
        return page

    yield new
    for context, _ in made:
        context.close()
    assert [w for _, wrong in made for w in wrong] == []


@pytest.fixture
def screenshot() -> Callable[[Any, str], None]:
    """Save a picture of a page in $BITFRONT_SCREENSHOTS, where that is given."""
    folder = os.environ.get("BITFRONT_SCREENSHOTS")

    def save(page: Any, name: str) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)

    return save


def wait_for(page: Any, expression: str) -> None:
    """As Playwright's wait_for_function, which needs 'unsafe-eval', what our pages do not allow."""
    ends = time.monotonic() + WAIT_MS / 1e3
    while not page.evaluate(expression):
        assert time.monotonic() < ends, f"not within {WAIT_MS / 1e3:g} s: {expression}"
        page.wait_for_timeout(50)


def _is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "data:", "blob:"))
