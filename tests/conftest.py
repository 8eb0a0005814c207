"""Laws are tried on as many examples as ever; how long one takes on a busy machine is no failure."""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")

CPU = """kind = "cpu"
memory_bytes = 2e10
memory_bytes_per_s = 2e10
cores = 2

[peak_flops]
vector = 5e10
fp32 = 5e10
bf16 = 3e11
"""


@pytest.fixture
def cpu_file(tmp_path: Path) -> Path:
    """A processor of two cores, mine.toml in the test's folder."""
    path = tmp_path / "mine.toml"
    path.write_text(CPU)
    return path
