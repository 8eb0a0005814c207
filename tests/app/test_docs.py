"""The docs say what is there: every strategy's space, and what is reproduced of each paper."""

import importlib.util
import re
from pathlib import Path

import costmodel as cm
from app.claims import rows
from app.study.costs import lut_per_mac
from app.study.methods import minifloat_ptq
from costmodel.strategies import names

ROOT = Path(__file__).parents[2]


def script(name):
    """A program of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_every_strategy_has_a_space_and_stands_in_the_docs():
    spaces = {path.stem for path in (ROOT / "examples").glob("strategy_*.toml")}
    assert spaces == {f"strategy_{name}" for name in names()}
    text = (ROOT / "docs" / "strategies.md").read_text()
    assert set(re.findall(r"`(strategy_\w+)`", text)) == spaces


def test_every_space_has_a_picture_in_the_docs():
    fronts = script("fronts")
    pictures = {path.stem: path.stat().st_size for path in (ROOT / "docs" / "fronts").glob("*.webp")}
    assert set(pictures) == set(fronts.spaces()), "python docs/fronts.py NAME draws one"
    assert all(size > 8_000 for size in pictures.values())
    assert sum(pictures.values()) < 1.5e6
    assert (ROOT / "docs" / "strategies.md").read_text() == fronts.page(fronts.spaces())


def test_readme_shows_the_claims_as_they_are():
    claims = script("claims")
    readme = (ROOT / "README.md").read_text()
    shown = readme.partition(claims.START)[2].partition(claims.END)[0]
    assert shown == claims.table()
    assert "(docs/claims.md)" in shown


def test_a_page_has_every_claim_with_what_is_computed_of_it():
    claims = script("claims")
    text = (ROOT / "docs" / "claims.md").read_text()
    assert text == claims.page()
    every = rows() + rows(checks=True)
    for row in every:
        assert row["quantity"] in text
        assert row["source"] in text
        assert row.get("gap", "").lower() in text.lower()
    told = [line for line in text.splitlines() if line.startswith("| ") and "| published |" not in line]
    assert len(told) == sum(row["published"] is not None for row in every)


def test_the_guide_has_the_luts_of_the_study_it_tells_of():
    guide = (ROOT / "docs" / "guide.md").read_text()
    (formats, told) = re.search(r"bitfront study minifloat_ptq .* in (\S+/\S+), ([\d.]+) LUTs a MAC", guide).groups()
    board = cm.fpga(minifloat_ptq.DEVICE)
    lut, _ = lut_per_mac(cm.precision(formats), board, minifloat_ptq.TERMS)
    assert told == f"{lut:.1f}"
