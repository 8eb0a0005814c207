"""Validate and Claims: the tables are filled, choices change them, and a copied link opens the same view."""

import pytest
from gemm_tables import noisy_rows
from served import served

from app import accuracy, measured_sets
from app.claims import count, rows

ALL_CONTRADICTED = """() => {
    const shown = [...document.querySelectorAll('#claims-table .ag-center-cols-container .ag-row')];
    return shown.length > 0 && shown.every(row => row.innerText.includes('contradicted'));
}"""


def shown_rows(page, grid):
    return page.locator(f"#{grid} .ag-center-cols-container .ag-row")


def test_claims_are_counted_and_filtered_and_linked(site, profile):
    page = profile()
    page.goto(site.address + "claims")
    shown_rows(page, "claims-table").first.wait_for()
    for verdict, number in count(rows()).items():
        assert f"{verdict}\n{number}" in page.locator("#claims-count").inner_text()
    page.locator("#claims-verdict label", has_text="contradicted").click()
    page.wait_for_url("**/claims?verdict=contradicted")
    page.wait_for_function(ALL_CONTRADICTED)
    assert page.locator("#claims-table .ag-header-cell[col-id=gap]").bounding_box()["width"] >= 190
    header = page.locator("#claims-table .ag-header-cell[col-id=published]")
    header.click()
    header.click()
    page.wait_for_url("**/claims?verdict=contradicted&sort=published:desc")
    greatest = max(row["published"] for row in rows() if row["verdict"] == "contradicted")
    other = profile()
    other.goto(page.url)
    other.wait_for_function(ALL_CONTRADICTED)
    first = other.locator("#claims-table .ag-center-cols-container .ag-row[row-index='0'] [col-id=published]")
    assert float(first.inner_text().replace(",", "")) == pytest.approx(greatest, rel=1e-4)
    assert other.url == page.url


@pytest.mark.long
def test_calibrations_are_listed_by_model_with_their_held_out_errors(site, profile):
    page = profile()
    page.goto(site.address + "validate")
    shown_rows(page, "validate-calibrations").first.wait_for()
    first = next(row for row in accuracy.held_out() if row["model"] == "Matrix products")
    assert f"{first['mape']:.1%}" in page.locator("#validate-calibrations").inner_text()
    end = (frame := page.locator("#validate-calibrations").bounding_box())["y"] + frame["height"]
    boxes = [row.bounding_box() for row in shown_rows(page, "validate-calibrations").all()]
    assert sum(box["y"] + box["height"] <= end for box in boxes) >= 12
    page.locator("#validate-model label", has_text="Attention").click()
    page.wait_for_url("**model=Attention*")
    page.wait_for_function("document.querySelector('#validate-calibrations')?.innerText.includes('ctx_bfloat16')")


@pytest.mark.long
def test_circuits_are_compared_group_by_group(site, profile):
    page = profile()
    page.goto(site.address + "validate?rows=FPGA circuits (synthesised here)&group=mx_dot")
    page.wait_for_function("document.querySelector('#validate-figures')?.innerText.includes('Mean error')")
    figures = measured_sets.measured(measured_sets.CIRCUITS, ()).of("mx_dot").figures()
    text = page.locator("#validate-figures").inner_text()
    assert f"Rows\n{figures['rows']}" in text
    assert f"Mean error\n{figures['mape']:.1%}" in text


@pytest.mark.long
def test_own_measurements_stand_beside_the_circuits(tmp_path_factory, profile):
    folder = tmp_path_factory.mktemp("measured")
    path = folder / "mine.csv"
    noisy_rows(sizes=(128, 512, 1024, 4096), ms=(1, 64, 4096)).to_csv(path, index=False)
    with served("--measured", str(path), home=folder) as running:
        page = profile()
        page.goto(running.address + "validate?rows=mine.csv")
        page.wait_for_function("document.querySelector('#validate-figures')?.innerText.includes('interval holds')")
        found = measured_sets.measured("mine.csv", (path,)).figures()
        assert f"Mean error\n{found['mape']:.1%}" in page.locator("#validate-figures").inner_text()
        assert f"90 % interval holds\n{found['coverage']:.1%}" in page.locator("#validate-figures").inner_text()
        page.goto("about:blank")
