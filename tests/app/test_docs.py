"""The docs say what is there: every strategy's space, and what is reproduced of each paper."""

import importlib.util
import re
from pathlib import Path

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
