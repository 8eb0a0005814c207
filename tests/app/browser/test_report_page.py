"""A report is as light or dark as its reader's browser, its figures with it, and light on paper."""

from pathlib import Path
from typing import Any

import pytest

import app.report
import costmodel as cm
import dse
from dse.metric import loss, weight_bytes

LIGHT, DARK = "rgb(255, 255, 255) rgb(42, 63, 95)", "rgb(18, 22, 27) rgb(216, 222, 230)"
COLOURS = """(() => ["body", ".xtitle"].map((name, i) => {
  const style = getComputedStyle(document.querySelector(name));
  return i ? style.fill : style.backgroundColor;
}).join(" "))()"""


@pytest.mark.long
def test_a_report_follows_the_browser_s_theme(profile: Any, screenshot: Any, tmp_path: Path) -> None:
    choices = dse.choices(cm.zoo.build("resnet18"), ["int4", "int8", "bf16"])
    plan = dse.minimize(loss, over=choices, on=cm.gpu("h100_sxm"), subject_to=[weight_bytes <= 9e6])
    page = profile("light")
    page.set_content(app.report.write(plan, tmp_path / "plan.html").read_text())
    page.wait_for_selector(".xtitle")
    for theme, media, colours in (("light", "screen", LIGHT), ("dark", "screen", DARK), ("dark", "print", LIGHT)):
        page.emulate_media(color_scheme=theme, media=media)
        if media == "print":
            page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.wait_for_function(f"{COLOURS} == {colours!r}")
        screenshot(page, f"report-{theme}-{media}")
