"""Explore in a real browser: what is clicked is what opens, edits move the design, a link holds the view."""

import json
from urllib.parse import parse_qs

import pandas
import pytest
from served import hold, served

from app import exports
from app.explore import question
from app.rerun import rerun
from app.text import quantity
from dse.space import Space
from dse.sweep import sweep

ASKED = {"model": "zoo:resnet18", "devices": "l4", "precisions": "int8/int8,int4/bf16", "batch": "1"}
QUERY = "explore?" + "&".join(f"{name}={value}" for name, value in ASKED.items())
DRAWN = "document.querySelector('#explore-front .js-plotly-plot')?.data?.length > 3"
PLACE = """row => {
  const plot = document.querySelector('#explore-front .js-plotly-plot'), shape = plot._fullLayout;
  const trace = plot._fullData.findLast(t => t.customdata && Array.from(t.customdata).includes(row));
  const i = Array.from(trace.customdata).indexOf(row), box = plot.getBoundingClientRect();
  return [box.left + shape.xaxis._offset + shape.xaxis.d2p(trace.x[i]),
          box.top + shape.yaxis._offset + shape.yaxis.d2p(trace.y[i])];
}"""
BOX = """(({x, y, width, height}) => [x, y, width, height])(
  document.querySelector('#explore-front .js-plotly-plot').getBoundingClientRect())"""
EYE = """(e => e && [e.x, e.y, e.z])(
  document.querySelector('#explore-front .js-plotly-plot')?._fullLayout?.scene?.camera?.eye)"""
UNNAMED = """() => [...document.querySelectorAll('input:not([type=hidden]), button, [role=combobox]')]
  .filter(e => e.offsetParent && !e.closest('.js-plotly-plot, .ag-root-wrapper, .upload, [tabindex="-1"]'))
  .filter(e => !e.ariaLabel && !e.labels?.length && !e.textContent.trim() && !e.getAttribute('aria-labelledby'))
  .map(e => e.outerHTML.slice(0, 200))"""
"""Controls without a label."""


def open_page(page, site, query=QUERY):
    page.goto(site.address + query)
    page.wait_for_function(DRAWN)
    return page


def click(page, row):
    x, y = page.evaluate(PLACE, row)
    page.mouse.move(x, y)
    page.wait_for_selector("#explore-front .hoverlayer .hovertext")
    page.mouse.click(x, y)


def compared(page, name, loss):
    """Send a design to Compare, where it has the same loss, and is by layer in the link."""
    page.locator(f"#{name}-send:enabled").click()
    page.wait_for_url("**/compare?a=**per-layer**")
    page.wait_for_selector("#compare-by-layer .ag-row")
    assert page.locator("#compare-table [data-metric=loss]").all_inner_texts() == [loss]


@pytest.fixture(scope="module")
def space():
    return question.read(ASKED, {}).space


def test_a_run_of_few_designs_is_drawn_when_its_page_opens(profile, tmp_path, screenshot):
    axes = {"model": "zoo:resnet18", "batch": [1, 8], "precision": ["w8a8", "w4a16", "bf16"], "device": "l4"}
    given = {"axes": axes, "objectives": ["latency_s", "loss"], "groups": ["batch"], "rows": True}
    sweep(Space.read(given), tmp_path / "run", workers=1)
    with served("--run", str(tmp_path / "run"), home=tmp_path / "cache") as site:
        page = open_page(profile(), site, "")
        assert "6 designs; 6 have these metrics" in page.inner_text("#explore-about")
        assert page.input_value("#explore-per") == "batch"
        screenshot(page, "explore-run-light-1280")
        named = Space.read(given).hash[:16]
        page.wait_for_url(f"**run={named}&*")
        page.reload()
        page.wait_for_function(DRAWN)
        page.goto(page.url.replace(named, "0" * 16))
        text = page.locator(".trouble").inner_text()
        assert f"this link is of the run '{'0' * 16}', and this server shows '{named}'" in text


@pytest.mark.long
def test_a_design_chosen_while_the_figure_is_drawn_anew_is_marked_in_it(site, profile, space):
    page = open_page(profile(), site)
    release = hold(page, "explore-about")
    page.locator("#explore-x").click()
    page.get_by_role("option", name="Energy", exact=True).click()
    click(page, 0)
    page.wait_for_url(f"**design={space.id(0)}*")
    release()
    page.wait_for_function(
        "document.querySelector('#explore-front .js-plotly-plot').layout.xaxis.title.text[0] === 'E'"
    )
    page.wait_for_function("document.querySelector('#explore-front .js-plotly-plot').data[0].x.length === 1")


def test_a_click_opens_its_design_an_edit_is_estimated_at_once_and_a_link_shows_it(site, profile, space, screenshot):
    page = open_page(profile(), site)
    for row in (1, 0):
        click(page, row)
        page.wait_for_function(f"document.querySelector('#explore-id')?.textContent === '{space.id(row)}'")
    assert "zoo:resnet18 · batch 1 · l4" in page.inner_text("#explore-totals")
    assert page.inner_text("[row-id='conv1'] [col-id='precision']") == "int8/int8"
    assert page.locator("#explore-totals .source").count() >= 8
    before = page.inner_text("[data-metric='loss']")
    page.locator("[row-id='conv1'] [col-id='precision']").dblclick()
    page.locator(".ag-cell-edit-wrapper .ag-picker-field-wrapper").click()
    page.get_by_role("option", name="int4/bf16", exact=True).click()
    page.wait_for_function("document.querySelector('#explore-totals').textContent.includes('1 edited')")
    assert page.inner_text("#explore-id") != space.id(0)
    assert page.inner_text("[data-metric='loss']") != before
    star = "document.querySelector('#explore-front .js-plotly-plot')?._fullData?.[1]?.x?.length === 1"
    page.wait_for_function(star)
    page.wait_for_function("location.search.includes('edit=conv1:int4/bf16')")
    edited, shown = page.inner_text("#explore-id"), page.inner_text("[data-metric='loss']")
    screenshot(page, "explore-edited-light-1280")
    assert page.evaluate(UNNAMED) == []

    other = profile("dark", (1920, 1080))
    other.goto(page.url)
    other.wait_for_function(f"document.querySelector('#explore-id')?.textContent === '{edited}'")
    assert other.inner_text("[data-metric='loss']") == shown
    other.wait_for_function(star)
    screenshot(other, "explore-edited-dark-1920")


def save(page, name, folder):
    """Download the opened design as the control names it; return the file's path."""
    page.click("#explore-target")
    page.get_by_role("option", name=name, exact=True).click()
    with page.expect_download() as found:
        page.click("#explore-save")
    path = folder / found.value.suggested_filename
    found.value.save_as(path)
    return path


@pytest.mark.long
def test_an_edited_design_is_taken_away_as_it_is_shown(site, profile, tmp_path):
    page = open_page(profile(), site, QUERY.replace("int8/int8,int4/bf16", "int8/bf16,bf16"))
    click(page, 0)
    page.wait_for_selector("[row-id='conv1'] [col-id='precision']")
    page.locator("[row-id='conv1'] [col-id='precision']").dblclick()
    page.locator(".ag-cell-edit-wrapper .ag-picker-field-wrapper").click()
    page.get_by_role("option", name="bf16/bf16", exact=True).click()
    page.wait_for_function("document.querySelector('#explore-totals').textContent.includes('1 edited')")
    compared(page, "explore", page.inner_text("[data-metric='loss']"))
    page.go_back()
    page.wait_for_function("location.search.includes('edit=conv1:bf16/bf16')")
    page.wait_for_selector("[data-metric='latency_s']")
    shown = page.inner_text("[data-metric='latency_s']")
    plan = json.loads(save(page, "Plan (JSON)", tmp_path).read_text())
    assert (plan["assignment"]["conv1"], plan["assignment"]["layer1.0.conv1"]) == ("bf16/bf16", "int8/bf16")
    assert quantity("latency_s", plan["totals"]["latency_s"]) == shown
    assert not rerun(plan, "plan.json").differences
    given = json.loads(save(page, "brevitas", tmp_path).read_text())
    assert given == json.loads(exports.render("brevitas", plan))
    table = pandas.read_parquet(save(page, "Layers (Parquet)", tmp_path))
    assert table[table["name"] == "conv1"]["precision"].tolist() == ["bf16/bf16"]
    page.click("#explore-target")
    page.get_by_role("option", name="auto-round: AutoRound cannot express layer").wait_for()
    assert page.get_by_role("option", name="auto-round").get_attribute("data-combobox-disabled") == "true"


@pytest.mark.long
def test_a_mixed_design_opens_on_any_axes_and_from_a_link(site, profile, screenshot):
    page = open_page(profile(), site, QUERY + "&x=latency_s&y=loss&z=energy_j")
    page.wait_for_function("document.querySelector('#explore-front .js-plotly-plot').data[0].type === 'scatter3d'")
    assert "of mixed precision" in page.inner_text("#explore-about")
    page.evaluate("dash_clientside.set_props('explore-front', {clickData: {points: [{customdata: 2}]}})")
    page.wait_for_selector("#explore-id")
    mixed = page.inner_text("#explore-id")
    page.wait_for_url("**design=**")
    assert ":latency_s:loss:energy_j" in page.url
    straight = page.url
    x, y, width, height = page.evaluate(BOX)
    page.mouse.move(x + width / 2, y + height / 2)
    page.mouse.down()
    page.mouse.move(x + width / 2 + 90, y + height / 2 + 40, steps=5)
    page.mouse.up()
    page.wait_for_url("**zoom=**")
    turned = f"{EYE}?.every((at, i) => Math.abs(at - [{parse_qs(page.url)['zoom'][0]}][i]) < 1e-3)"
    page.wait_for_function(turned)
    screenshot(page, "explore-three-axes-light-1280")
    other = profile()
    other.goto(page.url)
    other.wait_for_function(turned)
    other.goto(straight.replace("x=latency_s", "x=weight_bytes").replace("&z=energy_j", ""))
    other.wait_for_function(f"document.querySelector('#explore-id')?.textContent === '{mixed}'")
    other.wait_for_function("document.querySelector('#explore-front .js-plotly-plot')?._fullData?.[0]?.x?.length === 1")


@pytest.mark.long
def test_the_front_is_a_table_for_the_keyboard(site, profile, space):
    page = open_page(profile(), site)
    page.get_by_role("button", name="List the front").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#explore-table .ag-center-cols-container .ag-row")
    first = page.locator("#explore-table .ag-center-cols-container .ag-row").first.get_attribute("row-id")
    page.locator("#explore-table .ag-header-cell").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.wait_for_function(f"document.querySelector('#explore-id')?.textContent === '{first}'")
    assert page.get_by_role("columnheader", name="Predicted loss").count()


@pytest.mark.long
def test_what_does_not_work_says_why(site, profile):
    page = open_page(profile(), site)
    page.locator("#explore-precisions").fill("w99a1")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.locator("#explore-go").click()
    assert "w99a1" in page.locator("#explore-trouble .trouble").inner_text()


@pytest.mark.long
def test_a_bad_file_is_told_and_a_good_one_chosen(site, profile):
    page = open_page(profile(), site)
    page.locator("#explore-upload input").set_input_files({"name": "a.onnx", "mimeType": "", "buffer": b"no model"})
    assert "no ONNX model" in page.locator("#explore-uploaded .trouble").inner_text()
    page.locator("#explore-upload input").set_input_files({"name": "a.pt", "mimeType": "", "buffer": b"weights"})
    page.wait_for_function("document.querySelector('#explore-uploaded').textContent.includes('.json, got')")
    assert "'a.pt'" in page.locator("#explore-uploaded .trouble").inner_text()
    sizes = {"n_embd": 64, "n_layer": 2, "n_head": 4, "vocab_size": 100, "n_positions": 128}
    good = json.dumps({"model_type": "gpt2"} | sizes).encode()
    page.locator("#explore-upload input").set_input_files({"name": "mine.json", "mimeType": "", "buffer": good})
    page.wait_for_function("document.querySelector('#explore-uploaded').textContent.includes('mine.json is read')")
    page.locator("#explore-go").click()
    page.wait_for_function("location.search.includes('model=upload:')")


@pytest.mark.long
def test_cancel_resets_what_it_shows(site, profile):
    page = open_page(profile(), site)
    page.locator("#explore-batch").fill(",".join(map(str, range(1, 1500))))
    page.locator("#explore-go").click()
    page.wait_for_function("document.querySelector('#explore-sweeping').textContent.startsWith('sweeping')")
    page.locator("#explore-cancel:enabled").click()
    page.wait_for_selector("#explore-go:enabled")
    page.wait_for_selector("#explore-cancel:disabled")
    assert page.locator("#explore-progress [role=progressbar]").get_attribute("aria-valuenow") == "0"
    assert page.inner_text("#explore-sweeping") == ""


@pytest.mark.long
def test_other_metrics_are_a_choice_away(site, profile):
    page = open_page(profile(), site, QUERY + "&x=energy_j&y=weight_bytes&z=loss&log=x")
    page.wait_for_function("document.querySelector('#explore-front .js-plotly-plot').data[0].type === 'scatter3d'")
    assert "A click opens one, as a row does of the list of the front." in page.inner_text("#explore-about")
    page.evaluate("document.querySelector('.explore-top > .panel').style.minHeight = '1500px'")
    width, height = page.evaluate(BOX)[2:]
    assert height <= 0.8 * width + 1, "a high scene is cut off at its sides"
    page.locator("#explore-z").click()
    page.get_by_role("option", name="none (flat)").click()
    page.wait_for_function("document.querySelector('#explore-front .js-plotly-plot').data[0].type === 'scatter'")
    assert "x=energy_j" in page.url
    page.wait_for_function(f"{BOX}[3] > 1000")
