"""The docs say what is there: every strategy's space, and what is reproduced of each paper."""

import importlib.util
import re
from pathlib import Path

from costmodel.strategies import names

ROOT = Path(__file__).parents[2]


def test_every_strategy_has_a_space_and_stands_in_the_docs():
    spaces = {path.stem for path in (ROOT / "examples").glob("strategy_*.toml")}
    assert spaces == {f"strategy_{name}" for name in names()}
    text = (ROOT / "docs" / "strategies.md").read_text()
    assert set(re.findall(r"`(strategy_\w+)`", text)) == spaces
    assert (ROOT / "docs" / "strategies.png").stat().st_size > 10_000


def test_readme_shows_the_claims_as_they_are():
    spec = importlib.util.spec_from_file_location("claims_table", ROOT / "docs" / "claims.py")
    claims = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(claims)
    readme = (ROOT / "README.md").read_text()
    shown = readme.partition(claims.START)[2].partition(claims.END)[0]
    assert shown == claims.table()
