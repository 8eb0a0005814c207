"""Optimise: a problem is solved, cancelled, refused; its plan is shown, downloaded and linked."""

import json

import pandas
import pytest
import yaml
from served import hold

import dse
from app import exports
from app.optimise import question

SMALL = "optimise?model=zoo:resnet18&device=h100_sxm&formats=int4/bf16,int8/bf16,bf16&budgets=weight_bytes<=9e6"

MANY = ",".join(f"int{bits}/bf16" for bits in (2, 3, 4, 5, 6, 8))
HARD = (
    f"optimise?model=zoo:efficientnet_b7&device=h100_sxm&formats={MANY},bf16&max_formats=3&time=100"
    "&budgets=weight_bytes<=3e7,latency_s<=5e-3,bops<=1.6e12"
)
"""What takes many seconds, and can be met."""


def solved(page):
    page.wait_for_selector("#optimise-id")
    return page.locator("#optimise-id").inner_text()


def open_page(page, address):
    page.goto(address)
    page.wait_for_selector("#optimise-budgets .budget")
    page.wait_for_load_state("networkidle")


def set_budget(page, name, text):
    box = page.get_by_label(f"{name} at most")
    box.fill(text)
    box.press("Enter")


def test_a_plan_is_that_of_the_optimizer_and_a_copied_link_opens_it_elsewhere(site, profile):
    page = profile()
    open_page(page, site.address + SMALL)
    page.click("#optimise-go")
    design = solved(page)
    asked = question.read({"model": "zoo:resnet18", "device": "h100_sxm", "formats": "int4/bf16,int8/bf16,bf16"}, {})
    plan = dse.minimize(dse.metric.loss, over=asked.problem, subject_to=[dse.metric.weight_bytes <= 9e6])
    text = page.locator("#optimise-plan").inner_text()
    assert f"{plan.objective:.5g}" in text
    assert "proven optimal" in text.lower()
    page.wait_for_url(f"**design={design}*")
    page.locator("#optimise-send:enabled").click()
    page.wait_for_url("**/compare?a=**per-layer**")
    page.wait_for_selector("#compare-by-layer .ag-row")
    assert page.locator("#compare-table [data-metric=loss]").inner_text() == f"{plan.objective:.4g}"
    page.go_back()
    page.wait_for_url(f"**design={design}*")
    other = profile()
    other.goto(page.url)
    assert solved(other) == design
    assert "The link's plan was" not in other.inner_text("#optimise-plan")
    assert other.locator("#optimise-layers .ag-center-cols-container .ag-row").first.inner_text()


@pytest.mark.long
def test_an_infeasible_budget_says_which_and_its_least_value(site, profile):
    page = profile()
    open_page(page, site.address + SMALL)
    set_budget(page, "Weight storage", "1 MB")
    page.click("#optimise-go")
    page.wait_for_selector("#optimise-trouble .trouble")
    text = page.locator("#optimise-trouble").inner_text()
    assert "No plan meets the budgets" in text
    assert "Weight storage is at least 5." in text
    assert "the budget is 1 MB" in text
    set_budget(page, "Weight storage", "a few")
    page.click("#optimise-go")
    told = "Weight storage must be a number of at least 0, as 9 MB, got a few"
    page.wait_for_function(
        f"document.querySelector('#optimise-trouble')?.innerText.replaceAll(`'`, '').includes('{told}')"
    )


@pytest.mark.long
def test_slider_and_box_follow_each_other(site, profile):
    page = profile()
    open_page(page, site.address + SMALL)
    slider = page.locator(".budget", has_text="Weight storage").get_by_role("slider")
    box = page.get_by_label("Weight storage at most")
    slider.focus()
    slider.press("End")
    page.wait_for_function("document.querySelector('[aria-label^=Weight][aria-label$=most]').value === 'no limit'")
    set_budget(page, "Weight storage", "9 MB")
    page.wait_for_function("document.querySelector('.budget [role=slider]').getAttribute('aria-valuenow') !== '200'")
    slider.focus()
    slider.press("ArrowRight")
    page.wait_for_function("document.querySelector('[aria-label^=Weight][aria-label$=most]').value !== '9 MB'")
    assert box.input_value().startswith(("9", "8.9"))
    page.wait_for_url("**budgets=weight_bytes%3C=*")
    set_budget(page, "Weight storage", "8 MB")
    page.get_by_label("Precisions at most").fill("2")
    page.wait_for_url("**budgets=weight_bytes%3C=8e%2B06*max_formats=2*")
    page.reload()
    page.wait_for_function("document.querySelector('[aria-label^=Weight][aria-label$=most]')?.value === '8 MB'")
    page.wait_for_load_state("networkidle")
    page.wait_for_url("**budgets=weight_bytes%3C=8e%2B06*max_formats=2*")


@pytest.mark.long
def test_solve_waits_for_what_a_slider_was_just_moved_to(site, profile):
    page = profile()
    open_page(page, site.address + SMALL)
    release = hold(page, "optimise-slide")
    slider = page.locator(".budget", has_text="Weight storage").get_by_role("slider")
    slider.focus()
    slider.press("End")
    page.click("#optimise-go")
    page.wait_for_timeout(300)
    release()
    solved(page)
    page.wait_for_url("**design=*")
    assert "budgets" not in page.url


@pytest.mark.long
def test_cancel_resets_progress_and_status(site, profile):
    page = profile()
    open_page(page, site.address + HARD)
    page.click("#optimise-go")
    page.wait_for_function("document.querySelector('#optimise-status').innerText.startsWith('loss')")
    assert page.locator("#optimise-go").is_disabled()
    page.click("#optimise-cancel")
    page.wait_for_function("document.querySelector('#optimise-cancel').disabled")
    page.wait_for_function("document.querySelector('#optimise-status').innerText === ''")
    assert not page.locator("#optimise-go").is_disabled()
    page.wait_for_timeout(1000)
    assert page.locator("#optimise-id, #optimise-trouble .trouble").count() == 0


READERS = {".yaml": yaml.safe_load, ".json": json.loads, ".html": str, ".csv": str, ".md": str}

NAMES_ARE_WHOLE = """(() => {
    const names = [...document.querySelectorAll('#optimise-layers .ag-row [col-id=name]')];
    return names.length > 8 && names.every(cell => cell.scrollWidth <= cell.clientWidth);
})()"""


def saved(page, name, folder):
    """Save the plan as the control names it, and return the file's path."""
    page.click("#optimise-target")
    page.get_by_role("option", name=name, exact=True).click()
    with page.expect_download() as found:
        page.click("#optimise-save")
    path = folder / found.value.suggested_filename
    found.value.save_as(path)
    return path


def download(page, name, folder):
    """The content of the plan's file."""
    path = saved(page, name, folder)
    return READERS[path.suffix](path.read_text())


@pytest.mark.long
def test_a_plan_downloads_as_reports_and_as_what_other_tools_read(site, profile, tmp_path):
    page = profile()
    llama = "model=zoo:llama-3.2-1b&phase=decode&device=h100_sxm&formats=int4_g128/bf16,bf16&context=512"
    open_page(page, f"{site.address}optimise?{llama}&budgets=weight_bytes<=1.1e9&pins=lm_head=bf16")
    page.click("#optimise-go")
    solved(page)
    page.wait_for_function(NAMES_ARE_WHOLE)
    plan = download(page, "Plan (JSON)", tmp_path)
    assert "design" not in plan
    assert plan["provenance"]["command"][:2] == ["bitfront", "optimize"]
    for target in ("torchao", "llm-compressor", "gptqmodel", "auto-round", "modelopt"):
        content = download(page, target, tmp_path)
        rendered = exports.render(target, plan)
        assert content == READERS[".yaml" if target in ("llm-compressor", "modelopt") else ".json"](rendered)
    rows = pandas.read_parquet(saved(page, "Layers (Parquet)", tmp_path))
    assert set(rows[rows["table"] == "layers"]["name"]) > set(plan["assignment"])
    assert saved(page, "Report (PDF)", tmp_path).read_bytes()[:5] == b"%PDF-"
    for name, holds in (("Report (HTML)", "plotly"), ("Layers (CSV)", "mlp"), ("Report (Markdown)", "|")):
        assert holds in download(page, name, tmp_path)


@pytest.mark.long
def test_what_a_tool_cannot_express_is_said(site, profile):
    page = profile()
    open_page(page, site.address + SMALL.replace("int4/bf16,int8/bf16", "e3m0/bf16,e2m2/bf16"))
    page.click("#optimise-go")
    solved(page)
    page.focus("#optimise-target")
    page.keyboard.press("Enter")
    page.get_by_role("option", name="torchao: torchao cannot express layer").wait_for()
    assert page.get_by_role("option", name="torchao").get_attribute("data-combobox-disabled") == "true"
    assert not page.get_by_role("option", name="Report (PDF)").get_attribute("data-combobox-disabled")


@pytest.mark.long
def test_a_plan_that_is_too_large_for_its_fpga_says_so(site, profile):
    page = profile()
    open_page(page, site.address + "optimise?model=zoo:resnet18&device=zcu104&formats=int8")
    page.click("#optimise-go")
    solved(page)
    assert "Does not fit" in page.locator("#optimise-plan").inner_text()


@pytest.mark.long
def test_a_link_whose_plan_is_another_now_says_so(site, profile, screenshot):
    page = profile()
    more = ",".join(f"int{bits}/bf16" for bits in (2, 3, 5, 6))
    page.goto(f"{site.address}{SMALL.replace('int4/bf16', f'{more},int4/bf16')}&design=0123456789abcdef")
    assert solved(page) != "0123456789abcdef"
    assert "The link's plan was 0123456789abcdef." in page.inner_text("#optimise-plan")
    page.wait_for_url("**design=*")
    rows = page.locator("#optimise-designs .ag-center-cols-container .ag-row")
    shown = page.locator("#optimise-designs").bounding_box()
    last = rows.last.bounding_box()
    assert last["y"] + last["height"] <= shown["y"] + shown["height"]
    screenshot(page, "optimise-another-light-1280")
