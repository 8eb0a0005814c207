"""Words are readable on the grounds of both themes: a contrast of at least 4.5, WCAG 2.2, 1.4.3."""

import re
from pathlib import Path

import pytest

import app
from app.pages import claims

STYLE = (Path(app.__file__).parent / "assets" / "style.css").read_text(encoding="utf-8")
LEAST = 4.5
THEMES = {"light": r":root \{(.*?)\}", "dark": r':root\[data-mantine-color-scheme="dark"\] \{(.*?)\}'}


def colours(theme):
    found = re.search(THEMES[theme], STYLE, re.DOTALL)
    return dict(re.findall(r"(--[a-z]+): (#[0-9a-f]{6})", found[1]))


def luminance(colour):
    """Relative luminance of sRGB: WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a, b):
    bright, dim = sorted((luminance(a), luminance(b)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def test_it_is_wcags_contrast():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["--surface", "--ground"])
def test_words_stand_out_from_their_ground(theme, ground):
    known = colours(theme)
    named = {"--ink", "--accent", *(colour[4:-1] for colour in claims.COLOURS.values())}
    assert {name: round(contrast(known[name], known[ground]), 2) for name in named
            if contrast(known[name], known[ground]) < LEAST} == {}  # fmt: skip
