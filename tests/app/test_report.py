"""Reports: the same rows in every format, how to run it again in each, nothing fetched, one line for bad input."""

import csv
import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import plotly.graph_objects as go
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import app.report
import costmodel as cm
import dse
from app.report import flat, html, markdown, pdf
from app.report.document import cell, interval
from app.report.source import NEEDED, document
from costmodel.display import quantity
from dse.metric import loss, lut, weight_bytes

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(bitfront: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    args = ("zoo:resnet18", "--on", "zcu104", "--formats", "int4,int8", "--budget", "lut<=150e3", "--out", "r.json")
    done = bitfront("optimize", *args, cwd=folder)
    assert done.returncode == 0, done.stderr
    done = bitfront("report", "r.json", "--out", "out", "--format", "html,md,csv,parquet,json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


COMMAND = "bitfront optimize zoo:resnet18 --on zcu104 --formats int4,int8 --budget 'lut<=150e3' --out r.json"


def held(folder: Path, name: str) -> str:
    return (folder / "out" / f"report.{name}").read_text()


def test_each_format_says_how_to_run_it_again(folder: Path) -> None:
    kept = pq.read_metadata(folder / "out" / "report.parquet").metadata[b"bitfront"]
    for told in (json.loads(kept)["provenance"], json.loads(held(folder, "json"))["runs"]["run"]["provenance"]):
        assert told["command"] == json.loads((folder / "r.json").read_text())["provenance"]["command"]
        assert "xc7_lut_sites" in told["calibrations"]
        assert "numpy" in told["versions"]
    assert COMMAND in held(folder, "md")
    assert "bitfront rerun report.json makes every number again" in held(folder, "md")
    assert COMMAND in held(folder, "csv")
    assert COMMAND.replace("'", "&#x27;").replace("<", "&lt;") in held(folder, "html")


def test_csv_is_a_table_for_any_reader(folder: Path) -> None:
    table = pandas.read_csv(folder / "out" / "report.csv")
    assert table.loc[table["table"] == "layers", "latency_s"].dtype == float
    said = table[table["table"] == "origin"].set_index("name")["said"]
    assert said["Command"] == COMMAND
    assert "numpy" in said["Versions"]


def test_csv_and_parquet_hold_the_rows_of_the_result(folder: Path) -> None:
    result = json.loads((folder / "r.json").read_text())
    from_csv = [row for row in csv.DictReader(held(folder, "csv").splitlines()) if row["table"] != "origin"]
    from_parquet = pq.read_table(folder / "out" / "report.parquet").to_pylist()
    assert (
        len(from_csv)
        == len(from_parquet)
        == len(result["layers"]) + len({str(d["assignment"]) for d in result["designs"]})
    )
    for rows in (from_csv, from_parquet):
        layers = [row for row in rows if row["table"] == "layers"]
        for row, layer in zip(layers, result["layers"], strict=True):
            assert (row["name"], row["precision"]) == (layer["name"], layer["precision"])
            assert float(row["lut"]) == layer["lut"]
            assert float(row["latency_s"]) == layer["latency_s"]
            assert [float(row[end]) for end in ("lut_low", "lut_high")] == [layer["lut_low"], layer["lut_high"]]
            assert row["source"] == layer["source"]
        designs = {row["design"]: row for row in rows if row["table"] == "designs"}
        wide = next(row for name, row in designs.items() if name.startswith("int8"))
        assert float(wide["weight_bytes"]) == result["designs"][1]["totals"]["weight_bytes"]
        assert float(wide["latency_high_s"]) == result["designs"][1]["totals"]["latency_high_s"]


class Page(HTMLParser):
    """Addresses that a page would fetch, and its text in tables."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.cells: list[str] = []
        self._cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._cell = tag == "td"
        if tag in ("script", "img", "iframe") and found.get("src"):
            self.fetched.append(str(found["src"]))
        if tag == "link":
            self.fetched.append(str(found.get("href")))

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.cells.append(data)


def figures(text: str) -> list[Any]:
    """The figures of a page as plotly takes them; none may offer to upload itself."""
    found = [json.loads(told) for told in re.findall(r'<script type="application/json">(.*?)</script>', text)]
    assert not any(figure["config"]["showSendToCloud"] for figure in found)
    return [go.Figure(figure["data"], figure["layout"]) for figure in found]


def test_the_page_fetches_nothing_and_has_every_layer(folder: Path) -> None:
    text = held(folder, "html")
    page = Page()
    page.feed(text)
    assert page.fetched == []
    assert '"showSendToCloud": true' not in text
    assert len(figures(text)) == 4
    assert len(text) < 2.5e6, "plotly.js is compressed"
    assert "@page" in text
    result = json.loads((folder / "r.json").read_text())
    assert {layer["name"] for layer in result["layers"]} <= set(page.cells)
    markdown = held(folder, "md").replace("\\", "")
    assert all(f"| {layer['name']} |" in markdown for layer in result["layers"])


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"latency_s": 1.86e-3, "latency_low_s": 1.11e-3, "latency_high_s": 4.15e-3}, "1.86 ms (1.11\u20134.15)"),
        ({"latency_s": 9e-4, "latency_low_s": 5e-4, "latency_high_s": 2e-3}, "900 µs (500 µs\u20132 ms)"),
        ({"latency_s": 9e-4}, "900 µs"),
        ({}, "-"),
    ],
)
def test_a_cell_has_its_interval_in_its_own_unit(row: dict[str, float], says: str) -> None:
    assert cell("latency_s", row) == says


def test_pages_show_intervals_and_sources(folder: Path) -> None:
    layer = json.loads((folder / "r.json").read_text())["layers"][0]
    markdown, page = held(folder, "md").replace("\\", ""), held(folder, "html")
    assert f"| {cell('lut', layer)} |" in markdown
    assert f"<small>{interval('lut', layer)}</small>" in page
    for text in (markdown, page):
        assert f"{layer['source']}" in text
        assert "Ranges beside values are bounds, no 90 % intervals: of " in text.replace("\u00a0", " ")
        assert "LUTs: " in text


def test_an_fpga_report_says_where_products_are_and_why_costs_are_alike(folder: Path) -> None:
    result = json.loads((folder / "r.json").read_text())
    said = document(result).sections[0].sentences
    assert any(re.search(r"Products: .* in (DSP|LUT)", sentence) for sentence in said)
    alike = [design | {"totals": result["totals"]} for design in result["designs"]]
    for shared in (True, False):
        said = document(result | {"designs": alike, "shared_layout": shared}).sections[0].sentences
        assert any("Every design has the same" in s and "laid out once for all" in s for s in said) == shared


def test_uniform_designs_are_folded_as_for_themselves(folder: Path) -> None:
    result = json.loads((folder / "r.json").read_text())
    board = replace(cm.fpga("zcu104"), lut=150e3 / 0.7)
    for name in ("int4/int4", "int8/int8"):
        row = next(design for design in result["designs"] if design["name"] == name)
        own = cm.estimate(cm.zoo.build("resnet18"), name, board).totals
        assert row["kind"] == "uniform"
        assert {n: row["totals"][n] for n in ("lut", "bram18", "cycles")} == {
            n: own[n] for n in ("lut", "bram18", "cycles")
        }


def test_a_folded_plan_says_what_was_best_and_claims_no_common_layout(folder: Path) -> None:
    result = json.loads((folder / "r.json").read_text())
    said = " ".join(document(result | {"metric": "throughput_per_s"}).sections[0].sentences)
    assert f"throughput of {quantity('throughput_per_s', result['totals']['throughput_per_s'])}, at a loss" in said
    assert "laid out once for all" not in said


def test_a_report_of_a_report_is_the_same(folder: Path, tmp_path: Path) -> None:
    again = app.report.write(folder / "out" / "report.json", tmp_path / "again.json")
    assert again.read_text() == held(folder, "json")
    assert app.report.write(folder / "out" / "report.json", tmp_path / "again.csv").read_text() == held(folder, "csv")


def test_a_plan_from_python(tmp_path: Path) -> None:
    choices = dse.choices(cm.zoo.build("resnet18"), ["int4", "int8", "bf16"])
    plan = dse.minimize(loss, over=choices, on=cm.gpu("l4"), subject_to=[weight_bytes <= 9e6])
    text = app.report.write(plan, tmp_path / "plan.md").read_text()
    assert "weight storage ≤ 9 MB: proven optimal" in text.replace("\\", "")
    assert "none: made from Python" in text
    assert "bitfront rerun report.json makes" not in text
    assert len(pq.read_table(app.report.write(plan, tmp_path / "plan.parquet"))) == len(choices.workload.ops) + 4
    with pytest.raises(ValueError, match=r"unknown report format 'docx'; .*csv"):
        app.report.write(plan, tmp_path / "plan.docx")
    with pytest.raises(ValueError, match="bare arrays"):
        app.report.write(dse.allocate.solve(np.ones((2, 2)), {"lut": np.ones((2, 2))}, {"lut": 2}), tmp_path / "p.md")
    assert {p.name for p in tmp_path.iterdir()} == {"plan.md", "plan.parquet"}


def test_the_front_of_a_model(here: Callable[..., Any], tmp_path: Path) -> None:
    args = ("zoo:resnet18", "--on", "zcu104", "--formats", "int4,int8", "--objectives", "loss,bops")
    done = here("front", *args, "--json", cwd=tmp_path)
    (tmp_path / "front.json").write_text(done.stdout)
    points = json.loads(done.stdout)["points"]
    assert here("report", "front.json", "--out", "out", "--format", "html,csv,json", cwd=tmp_path).returncode == 0
    rows = [row for row in csv.DictReader(held(tmp_path, "csv").splitlines()) if row["table"] != "origin"]
    assert [float(row["loss"]) for row in rows] == [point["loss"] for point in points]
    layers = {sum(int(part.split(" x ")[0]) for part in row["formats"].split(", ")) for row in rows}
    assert layers == {len(points[0]["choice"])}
    assert len(figures(held(tmp_path, "html"))) == 1
    done = here("rerun", str(tmp_path / "out" / "report.json"), "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["equal"], done.stderr


def test_a_run_of_the_explorer(here: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text(
        'objectives = ["latency_s / batch", "latency_s", "loss", "footprint_bytes"]\ngroups = ["device"]\n'
        'constraints = ["latency_s <= 100ms", "footprint_bytes <= 0.9 * memory_bytes"]\n[axes]\n'
        'model = "zoo:resnet18"\nbatch = [1, 8]\nprecision = ["w8a8", "w4a16", "bf16"]\ndevice = ["l4", "a100_sxm"]\n'
    )
    assert here("explore", "space.toml", "--out", "run", "--workers", "1", cwd=tmp_path).returncode == 0
    front = json.loads(here("front", "run", "--json", cwd=tmp_path).stdout)["front"]
    done = here("report", "run", "--out", "out", "--format", "html,csv,json", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == {"html", "csv", "json"}
    said = held(tmp_path, "html")
    assert "Objectives: minimise latency / batch, minimise latency, minimise predicted loss, minimise memory" in said
    assert "Constraints: latency ≤ 100ms; memory footprint ≤ 0.9 × memory." in said
    rows = [row for row in csv.DictReader(held(tmp_path, "csv").splitlines()) if row["table"] != "origin"]
    assert [row["id"] for row in rows] == [point["id"] for point in front]
    assert [float(row["latency_s"]) for row in rows] == [point["latency_s"] for point in front]
    assert len(figures(held(tmp_path, "html"))) == 3
    ends = [[float(row[f"latency_{end}_s"]) for end in ("low", "high")] for row in rows]
    assert all(low < float(row["latency_s"]) < high for row, (low, high) in zip(rows, ends, strict=True))
    assert all(re.search("calibrated|transferred|spec|fitted roofline", row["latency_source"]) for row in rows)
    assert "A range beside a value holds 90" in said
    assert said.count("<small>") >= len(rows)
    assert json.loads(here("rerun", "out/report.json", "--json", cwd=tmp_path).stdout)["equal"]
    assert "bitfront explore space.toml --out run --workers 1" in held(tmp_path, "html")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no run or result at"),
        ("", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "must hold a JSON object, got list"),
        ("{}", "holds no result of bitfront optimize"),
        ('{"a": 3}', "holds no result"),
        ('{"runs": {"a": {"assignment": {}}}}', "holds no result"),
        (json.dumps(dict.fromkeys(NEEDED["optimization"])), "bad.json: run.model must be a text, got 'None'"),
        (json.dumps(dict.fromkeys(NEEDED["exploration"], 3)), "bad.json: run.space must be an object, got '3'"),
    ],
)  # fmt: skip
def test_what_is_no_result_is_one_line(
    refused_here: Callable[..., str], tmp_path: Path, content: str, says: str
) -> None:
    path = tmp_path / "bad.json"
    if content is not None:
        path.write_text(content)
    out = tmp_path / "out"
    assert says in refused_here("report", str(path), "--out", str(out))
    assert "bad.json" in refused_here("rerun", str(path))
    assert not out.exists()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_result_spoilt_anywhere_is_told_or_drawn(folder: Path, data: st.DataObject) -> None:
    result = json.loads((folder / "r.json").read_text())
    held: Any = result
    while True:
        key = data.draw(st.sampled_from(sorted(held) if isinstance(held, dict) else range(len(held))))
        if not isinstance(held[key], dict | list) or not held[key] or data.draw(st.booleans()):
            break
        held = held[key]
    spoilt = [None, "", "x", -1, 0, 1e308, 10**400, [], {}, [1], {"a": 1}, True, [[1, 2]]]
    held[key] = data.draw(st.sampled_from(spoilt))
    told = ""
    try:
        report = document(result)
    except ValueError as error:
        told = str(error)
    assert "\n" not in told
    assert len(told) < 300
    for render in () if told else (markdown.render, flat.to_csv, flat.to_parquet):
        assert render(report)


def test_unknown_formats_and_folders_are_one_line(
    refused_here: Callable[..., str], folder: Path, tmp_path: Path
) -> None:
    result, out = str(folder / "r.json"), str(tmp_path / "out")
    assert "did you mean parquet" in refused_here("report", result, "--out", out, "--format", "parqet")
    assert "at least one" in refused_here("report", result, "--out", out, "--format", "")
    assert "no run in" in refused_here("report", str(tmp_path), "--out", out)
    assert not Path(out).exists()


def test_without_a_browser_there_is_no_pdf_and_it_is_said(
    refused_here: Callable[..., str], monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("BITFRONT_CHROMIUM", raising=False)
    assert pdf.chromium() is None
    args = ("report", str(folder / "r.json"), "--out", str(tmp_path / "out"), "--format", "pdf")
    assert "a PDF needs Chromium" in refused_here(*args)
    monkeypatch.setenv("BITFRONT_CHROMIUM", str(tmp_path / "none"))
    assert "printed no PDF" in refused_here(*args)


@pytest.mark.skipif(pdf.chromium() is None, reason="no Chromium on this machine")
def test_the_pdf_shows_figures_and_every_layer(folder: Path, tmp_path: Path) -> None:
    made = app.report.write(folder / "r.json", tmp_path / "r.pdf").read_bytes()
    assert made.startswith(b"%PDF-")
    assert made.count(b"/Type /Page\n") + made.count(b"/Type /Page ") >= 2
    try:
        text = subprocess.run(["pdftotext", str(tmp_path / "r.pdf"), "-"], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        return
    assert "layer4.1.conv2" in text.stdout
    assert "To run it again" in text.stdout


def test_of_a_long_table_the_first_rows_are_printed_and_the_others_counted() -> None:
    few = html.table(["a"], [(False, ["1"])] * html.MOST_PRINTED)
    assert "screen" not in few
    assert "paper" not in few
    many = html.table(["a"], [(True, ["1"]), *[(False, ["1"])] * (html.MOST_PRINTED + 1)])
    assert many.count('class="screen"') == 2
    assert "2 more rows" in many


def test_budgets_of_a_plan_are_kept() -> None:
    choices = dse.choices(cm.zoo.build("resnet18"), ["int4", "int8"])
    plan = dse.minimize(loss, over=choices, on=cm.fpga("zcu104"), subject_to=[lut <= 2e5])
    assert plan.subject_to == ("lut <= 200000",)
