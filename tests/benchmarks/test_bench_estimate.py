"""bitfront estimate as a user runs it: wall time and peak memory of the whole process."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
GOAL_S = 1.0
GOAL_BYTES = 250e6
COMMAND = ("estimate", "zoo:resnet50", "--on", "a100_sxm", "--json")
CODE = """
import sys
from app.cli import main
try:
    main()
finally:
    sys.stderr.write(open("/proc/self/status").read())
"""


def test_estimate_is_quick_and_small(benchmark):
    def run():
        return subprocess.run(
            [sys.executable, "-c", CODE, *COMMAND], cwd=ROOT, check=True, capture_output=True, text=True
        )

    done = benchmark.pedantic(run, rounds=5)
    peak_bytes = 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", done.stderr)[1])
    assert peak_bytes < GOAL_BYTES
    if benchmark.enabled:
        benchmark.extra_info["peak_bytes"] = peak_bytes
        print(f"\nbitfront {' '.join(COMMAND)}: {benchmark.stats.stats.min:.2f} s, {peak_bytes / 1e6:.0f} MB")
        assert benchmark.stats.stats.min < GOAL_S
