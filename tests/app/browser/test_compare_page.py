"""Compare: figures are those of the estimator, crossovers those of the search; a link opens it elsewhere."""

import pytest

import costmodel as cm
from app.text import quantity
from dse.crossover import crossovers, points
from dse.curves import along

MODEL = "zoo:llama-3.2-1b"
SHAPE = {"phase": "decode", "batch": 4, "context": 2048}
PRECISIONS = ("w4a16", "w8a8")
DESIGN = f"{MODEL}@l40s@{{}};phase=decode;batch=4;context=2048"
QUERY = "compare?" + "&".join(f"{slot}={DESIGN.format(p)}" for slot, p in zip("ab", PRECISIONS, strict=True))


def cells(page, metric):
    return page.locator(f"#compare-table [data-metric={metric}]").all_inner_texts()


def words(page):
    page.wait_for_selector("#compare-crossovers li")
    return page.locator("#compare-crossovers li").all_inner_texts()


def test_figures_are_those_of_estimate_and_crossovers_those_of_the_search(site, profile):
    page = profile()
    page.goto(site.address + QUERY)
    page.wait_for_selector("#compare-table")
    workload = cm.models.load(MODEL, **SHAPE)
    totals = [cm.estimate(workload, p, cm.gpu("l40s")).totals for p in PRECISIONS]
    for metric in ("latency_s", "energy_j", "weight_bytes", "footprint_bytes", "bytes_moved"):
        assert cells(page, metric) == [quantity(metric, t[metric]) for t in totals], metric
    low, high = (quantity("latency_s", totals[0][f"latency_{end}_s"]) for end in ("low", "high"))
    assert f"{low} to {high}" in page.locator("#compare-table").inner_text()
    assert f"≈ {totals[1]['latency_s'] / totals[0]['latency_s']:.2g}× A" in page.locator("#compare-table").inner_text()

    curves = [along("batch", MODEL, p, cm.gpu("l40s"), shape={"phase": "decode", "context": 2048}) for p in PRECISIONS]
    found = crossovers(*curves, points(1, 512), names=PRECISIONS, whole=True)
    assert found
    told = [f"{c.after} overtakes {c.before} at batch {int(c.at):,} ({quantity('latency_s', c.value)})" for c in found]
    assert [said.partition(";")[0] for said in words(page)] == told
    assert all("; their ranges overlap " in said for said in words(page))


@pytest.mark.long
def test_a_copied_link_shows_the_same_elsewhere(site, profile):
    page = profile()
    page.goto(site.address + QUERY)
    page.wait_for_selector("#compare-table")
    page.get_by_role("textbox", name="Precision of design B").fill("fp8_e4m3")
    page.get_by_role("button", name="Add a design").click()  # what was just typed stays
    page.wait_for_function("document.querySelectorAll('#compare-table thead th').length === 4")
    page.wait_for_function("document.querySelector('#compare-table').innerText.includes('fp8_e4m3')")
    page.get_by_role("switch", name="Differences alone").click()
    page.wait_for_function("!document.querySelector('#compare-table .equal')")
    page.wait_for_url("**differences=only*")
    page.get_by_role("textbox", name="Along").click()
    page.get_by_role("option", name="context", exact=True).click()
    page.wait_for_url("**axis=context*")
    page.wait_for_function("document.querySelector('#compare-words').innerText.includes('context')")
    shown, said = page.inner_text("#compare-table"), words(page)

    other = profile("dark", (1920, 1080))
    other.goto(page.url)
    other.wait_for_selector("#compare-table")
    assert words(other) == said
    assert other.inner_text("#compare-table").split() == shown.split()
    other.get_by_role("button", name="Remove design A").click()
    other.wait_for_function("document.querySelectorAll('#compare-table thead th').length === 3")


@pytest.mark.long
def test_a_page_asks_again_where_too_much_runs(site, profile):
    refused, page = [], profile()

    def refuse_once(route):
        if refused or "compare-found.data" not in (route.request.post_data_json or {}).get("output", ""):
            route.continue_()
        else:
            refused.append(route.request)
            route.fulfill(status=503, headers={"Retry-After": "1"}, body="busy")

    page.route("**/_dash-update-component*", refuse_once)
    page.goto(site.address + QUERY)
    page.wait_for_selector("#compare-table")
    assert len(refused) == 1
    assert not page.text_content("#notice")
    (told,) = page.wrong
    assert "503" in told
    page.wrong.clear()


@pytest.mark.long
def test_what_does_not_work_is_said_in_one_line(site, profile):
    page = profile()
    page.goto(site.address + QUERY)
    page.wait_for_selector("#compare-table")
    page.get_by_role("textbox", name="Precision of design B").fill("w9z")
    said = page.locator("#compare-trouble .trouble")
    said.wait_for()
    assert "Design B" in said.inner_text()
    assert "w9z" in said.inner_text()
    page.get_by_role("textbox", name="Precision of design B").fill("fp4_e2m1")
    page.wait_for_selector("#compare-table-trouble .trouble")
    assert "l40s has no" in page.locator("#compare-table-trouble .trouble").inner_text()
    page.goto(site.address + "compare?a=upload:0123.json@l40s@w8a8")
    page.wait_for_selector("#page .trouble")
    assert "this browser has no upload:0123.json" in page.inner_text("#page .trouble")


@pytest.mark.long
def test_an_encode_is_chosen_and_has_no_context(site, profile):
    page = profile()
    design = "zoo:whisper-tiny@l40s@{};phase=decode;batch=4;context=100"
    page.goto(f"{site.address}compare?a={design.format('bf16')}&b={design.format('w8a16')}")
    page.wait_for_selector("#compare-table")
    for slot in "AB":
        page.get_by_role("textbox", name=f"Pass of design {slot}").click()
        page.get_by_role("option", name="encode", exact=True).locator("visible=true").click()
        page.wait_for_function(f"document.querySelector('[aria-label=\"Context of design {slot}\"]').disabled")
        assert page.get_by_role("textbox", name=f"Context of design {slot}").input_value() == ""
    workload = cm.models.load("zoo:whisper-tiny", phase="encode", batch=4)
    told = quantity("latency_s", cm.estimate(workload, "bf16", cm.gpu("l40s")).totals["latency_s"])
    page.wait_for_function(f"document.querySelector('#compare-table').innerText.includes({told!r})")
    page.get_by_role("textbox", name="Pass of design A").click()
    page.get_by_role("option", name="decode", exact=True).locator("visible=true").click()
    page.wait_for_function("!document.querySelector('[aria-label=\"Context of design A\"]').disabled")
