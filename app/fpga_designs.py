"""The designs that a command line spells: formats, a random sample, or a table."""

from itertools import combinations_with_replacement
from pathlib import Path
from typing import TYPE_CHECKING

from app.choices import names

if TYPE_CHECKING:
    from profilers.fpga import Design


def designs(
    formats: str,
    random: int | None,
    like: str,
    *,
    units: str,
    seed: int,
    n: str,
    acc_bits: int | None,
    out_format: str,
    skipped: list[str],
) -> "list[Design]":
    """Return the designs of exactly one of `formats`, `random` and `like`; ValueError in one line otherwise.

    Units that do not take a pair of formats are told to `skipped`.
    """
    if sum((bool(formats), random is not None, bool(like))) != 1:
        raise ValueError("give one of --formats, --random and --like: the designs to synthesise")
    if like:
        return _of_table(Path(like))
    listed = names(units)
    if not listed:
        raise ValueError(f"--units names at least one unit, got {units!r}")
    if random is not None:
        from profilers.fpga.sample import sample

        if random < 1:
            raise ValueError(f"--random must be at least 1, got {random}")
        return sample(random, seed, listed, bounds(n)) if n else sample(random, seed, listed)
    from profilers.fpga.grid import grid

    return grid(pairs(formats), listed, n=whole(n or "16"), acc_bits=acc_bits, out_format=out_format, skipped=skipped)


def pairs(text: str) -> list[tuple[str, str]]:
    """The pairs of a list of formats: those spelled a/b as they are, single ones each with each."""
    spelled = names(text)
    single = [name for name in spelled if "/" not in name]
    written = [tuple(part.strip() for part in name.split("/")) for name in spelled if "/" in name]
    wrong = [pair for pair in written if len(pair) != 2]
    if wrong or not spelled:
        raise ValueError(f"--formats is a list of formats or pairs a/b, got {text!r}")
    return [*combinations_with_replacement(single, 2), *((a, b) for a, b in written)]


def whole(text: str) -> list[int]:
    """Whole numbers in a comma-separated list; ValueError on others."""
    listed = names(text)
    if not listed or not all(part.lstrip("-").isdigit() for part in listed):
        raise ValueError(f"--n is a list of whole numbers, got {text!r}")
    return [int(part) for part in listed]


def bounds(text: str) -> tuple[int, int]:
    """The two whole numbers of A:B; ValueError on others."""
    parts = text.split(":")
    if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
        raise ValueError(f"--n with --random is a range A:B of whole numbers, got {text!r}")
    return int(parts[0]), int(parts[1])


def _of_table(path: Path) -> "list[Design]":
    from profilers import rows_file
    from profilers.fpga.rows import designs as of_rows

    return of_rows(rows_file.read(path))
