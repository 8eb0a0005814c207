"""Explore with more designs than a browser takes as points: zooming goes on where it was dragged, and comes back."""

import pytest
from served import served

from dse.space import Space
from dse.sweep import sweep

SPACE = {
    "axes": {
        "model": "zoo:resnet18",
        "batch": {"from": 1, "to": 256, "points": 50, "spacing": "log"},
        "precision": {"weight": ["int8", "bf16"], "activation": ["int8", "bf16"]},
        "device": ["a100_sxm", "h100_sxm", "l40s", "l4", "a40", "h200_sxm"],
        "device.memory_bytes_per_s": {"from": 3e11, "to": 8e12, "points": 110, "spacing": "log"},
    },
    "objectives": ["latency_s", "energy_j", "loss"],
    "latency": "roofline",
    "rows": True,
}
PLOT = "document.querySelector('#explore-front .js-plotly-plot')"
SHAPE = f"(({{_fullLayout: l}}) => [...l.xaxis.range, ...l.yaxis.range])({PLOT})"
ENDS = f"(({{_fullLayout: l}}) => [l.xaxis.autorange, l.yaxis.autorange].some(Boolean))({PLOT})"
SEEN = "document.querySelector('#explore-about').textContent.includes('in view')"
BOX = f"""(p => {{
  const box = p.getBoundingClientRect(), s = p._fullLayout._size;
  return [box.left + s.l, box.top + s.t, s.w, s.h];
}})({PLOT})"""


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    run = tmp_path_factory.mktemp("many") / "run"
    counts = sweep(Space.read(SPACE), run).counts
    assert counts.designs - counts.excluded - counts.unknown > 100_000
    with served("--run", str(run), home=tmp_path_factory.mktemp("cache")) as running:
        yield running


def drag(page, left, top, right, bottom):
    """Drag over a part of the plot, in shares; return the ranges that this is of both axes."""
    x, y, width, height = page.evaluate(BOX)
    low_x, high_x, low_y, high_y = page.evaluate(SHAPE)
    page.mouse.move(x + width * left, y + height * top)
    page.mouse.down()
    page.mouse.move(x + width * right, y + height * bottom, steps=5)
    page.mouse.up()
    across, up = high_x - low_x, high_y - low_y
    return [low_x + across * left, low_x + across * right, high_y - up * bottom, high_y - up * top]


def zoomed(page, told):
    page.wait_for_function(f"document.querySelector('#explore-about').textContent.includes('{told} of them in view')")
    assert not page.evaluate(ENDS)


@pytest.mark.long
@pytest.mark.parametrize("log", ["x,y", "none"])
def test_a_zoomed_density_shows_the_place_that_was_dragged_over_and_a_double_click_all(many, profile, log):
    page = profile(size=(1280, 1500))
    page.goto(f"{many.address}explore?x=latency_s&y=energy_j&log={log}")
    page.wait_for_selector("#explore-front .heatmaplayer image")
    whole = page.evaluate(SHAPE)
    wanted = drag(page, 0.3, 0.3, 0.6, 0.7)
    page.wait_for_function(SEEN)
    span = [wanted[1] - wanted[0]] * 2 + [wanted[3] - wanted[2]] * 2
    assert all(abs(a - b) < 0.02 * s for a, b, s in zip(page.evaluate(SHAPE), wanted, span, strict=True))
    page.wait_for_function(f"{PLOT}.data[2].type === 'scattergl' || {PLOT}.data[2].type === 'heatmap'")
    found = page.evaluate(f"[...{PLOT}._fullData[2].x]")
    low, high = [10**v for v in wanted[:2]] if log == "x,y" else wanted[:2]
    assert low * 0.9 <= min(found) <= max(found) <= high * 1.1

    wanted = drag(page, 0.02, 0.9, 0.12, 0.98)
    page.wait_for_function("document.querySelector('#explore-drawing').textContent === ''")
    page.wait_for_function(f"Math.abs({SHAPE}[0] - {wanted[0]}) < 1e-2 * {wanted[1] - wanted[0]}")
    assert not page.evaluate(ENDS)

    x, y, width, height = page.evaluate(BOX)
    for _ in range(5):  # a slow browser sees two clicks
        page.mouse.dblclick(x + width * 0.8, y + height * 0.2)
        page.wait_for_timeout(2000)
        if not page.evaluate(SEEN):
            break
    page.wait_for_function(f"!({SEEN})")
    page.wait_for_selector("#explore-front .heatmaplayer image")
    assert page.evaluate(ENDS)
    ends = zip(page.evaluate(SHAPE), whole, strict=True)
    assert all(abs(now - before) < 0.02 * abs(whole[1] - whole[0]) for now, before in ends)


@pytest.mark.long
def test_dragging_along_one_axis_zooms_that_axis(many, profile):
    page = profile(size=(1280, 1500))
    page.goto(f"{many.address}explore?x=latency_s&y=energy_j")
    page.wait_for_selector("#explore-front .heatmaplayer image")
    low, high = page.evaluate(SHAPE)[:2]
    x, y, width, height = page.evaluate(BOX)
    page.mouse.move(x + width * 0.4, y + height * 0.5)
    page.mouse.down()
    page.mouse.move(x + width * 0.6, y + height * 0.505, steps=5)
    page.mouse.up()
    page.wait_for_function(SEEN)
    wanted = [low + (high - low) * share for share in (0.4, 0.6)]
    found = page.evaluate(SHAPE)[:2]
    assert all(abs(a - b) < 0.01 for a, b in zip(found, wanted, strict=True))
    page.get_by_text("y", exact=True).click()  # another scale: what was dragged over is no place of it
    page.wait_for_function(f"!({SEEN})")
    assert page.evaluate(ENDS)
