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
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], Any]]:
    """Give the n-th of browsers that share nothing; started when asked for, they keep the scripts they compiled."""
    path = browser_path()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started: list[Any] = []

        def nth(n: int) -> Any:
            if n == len(started):
                started.append(
                    playwright.chromium.launch_persistent_context(
                        str(tmp_path_factory.mktemp("browser")),
                        executable_path=path,
                        args=["--no-sandbox", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"],
                    )
                )
            return started[n]

        yield nth
        for browser in started:
            browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(home=tmp_path_factory.mktemp("cache")) as running:
        yield running


@pytest.fixture
def profile(browsers: Callable[[int], Any], request: pytest.FixtureRequest) -> Iterator[Profile]:
    """Make pages, each in a browser of its own without cookies; none may ask elsewhere or log errors but `expected`."""
    made: list[Any] = []

    def new(theme: str = "light", size: tuple[int, int] = SIZES[0]) -> Any:
        browser = browsers(len(made))
        browser.clear_cookies()
        page = browser.new_page()
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.set_default_timeout(WAIT_MS)
        page.wrong, page.expected = [], ()
        page.on("console", lambda m: page.wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: page.wrong.append(str(e)))
        page.on("request", lambda r: None if _is_local(r.url) else page.wrong.append(f"asked {r.url}"))
        page.wait_for_function = partial(wait_for, page)
        made.append(page)
        return page

    yield new
    for page in made:
        page.close()
    logs = [site.log.read_text() for site in request.node.funcargs.values() if isinstance(site, Served)]
    wrong = [told for page in made for told in page.wrong if not any(part in told for part in page.expected)]
    assert wrong == [], "\n".join(logs)


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
    """As Playwright's wait_for_function, but asked from here: it polls in the page, amid what the page draws."""
    ends = time.monotonic() + WAIT_MS / 1e3
    while not page.evaluate(expression):
        assert time.monotonic() < ends, f"not within {WAIT_MS / 1e3:g} s: {expression}"
        page.wait_for_timeout(50)


def _is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "data:", "blob:"))
