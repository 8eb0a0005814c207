"""The frame: pages open from the navigation and by keyboard, in both themes; a broken link says so."""

import pytest

from app.pages import pages

LOOKS = ("dark", 1920, 1080), ("light", 1280, 800), ("light", 1920, 1080), ("dark", 1280, 800)


@pytest.mark.parametrize("looks", [LOOKS[:1], pytest.param(LOOKS[1:], marks=pytest.mark.long)], ids=["one", "rest"])
def test_every_page_opens_in_both_themes_and_sizes_and_the_keyboard_changes_themes(site, profile, screenshot, looks):
    page = profile("light")
    page.goto(site.address)
    for name, module in pages().items():
        page.click(f"#nav-{name}")
        page.wait_for_url(f"**/{name}*")
        page.wait_for_selector("#page *")
        for theme, width, height in looks:
            page.emulate_media(color_scheme=theme)
            page.wait_for_function(f"document.documentElement.dataset.agThemeMode === '{theme}'")
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_load_state("networkidle")
            assert page.locator(f"#nav-{name}").get_attribute("aria-current") == "page", module.NAME
            page.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth")
            screenshot(page, f"{name}-{theme}-{width}")
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth")
        for control in ("copy-link", "nav-claims", "theme"):
            box = page.locator(f"#{control}").bounding_box()
            assert box["x"] + box["width"] <= 390, (name, control)
            assert box["y"] + box["height"] <= 92, (name, control)
        screenshot(page, f"{name}-390")
        page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light")
    page.locator("#theme").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.documentElement.dataset.agThemeMode === 'dark'")


def test_unknown_page_says_what_there_is(site, profile):
    page = profile()
    page.goto(site.address + "nowhere")
    assert "there is no page '/nowhere'" in page.locator(".trouble").inner_text()
    assert page.locator("main").count() == 1
