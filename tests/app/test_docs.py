"""docs/strategies.md lists every strategy's space, each of which is there."""

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
