"""python -m profilers --minutes 8 --out DIR: profile, fit and check the GPU of this machine, in one call.

Needs numpy, pandas, pyarrow, torch and cupy; with scipy it fits here, without it `--fit` does so elsewhere.
"""

import argparse
import sys
from pathlib import Path

from profilers import campaign
from profilers.cases import MORE_CASES


def main(arguments: list[str] | None = None) -> int:
    """Run the campaign; 2 and one line where it cannot, 130 where it was interrupted (its rows are kept)."""
    parser = argparse.ArgumentParser(prog="python -m profilers", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=8.0, help="for everything but the fit")
    parser.add_argument("--out", type=Path, required=True, help="a folder; rows that it has are taken up")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fit", action="store_true", help="measure nothing: fit and check the rows in --out")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"], help="cpu proves the flow")
    parser.add_argument("--passes", help=f"measure whole networks of these alone: {','.join(MORE_CASES)}")
    parser.add_argument("--threads", type=int, help="PyTorch's, on a CPU")
    given = parser.parse_args(arguments)
    try:
        if not given.fit:
            target = campaign.cpu_target(threads=given.threads) if given.device == "cpu" else campaign.gpu_target()
            if given.passes:
                groups = given.passes.split(",")
                campaign.measure_more(target, given.out, minutes=given.minutes, groups=groups, tell=_tell)
                return 0
            campaign.measure(target, given.out, minutes=given.minutes, seed=given.seed, tell=_tell)
        _report(given.out)
    except (ValueError, RuntimeError, OSError) as error:
        print(f"profilers: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"profilers: interrupted; the rows so far are in {given.out}", file=sys.stderr)
        return 130
    return 0


def _report(out: Path) -> None:
    if not campaign.can_fit():
        print(f"no scipy here: the rows are in {out}; fit them elsewhere: python -m profilers --fit --out {out}")
        return
    print(campaign.fit(out))


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
