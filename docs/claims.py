"""Write sums of the claims into README.md and all of them into docs/claims.md: python docs/claims.py."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.claims import VERDICTS, count, rows, summary, unclaimed, written

README = Path(__file__).parents[1] / "README.md"
PAGE = Path(__file__).parent / "claims.md"
COLUMNS = ("quantity", "published", "reproduced", "difference", "verdict", "how", "source")
START, END = "<!-- claims: python docs/claims.py -->\n", "<!-- end of claims -->\n"
PLAIN = "Fast model scaling"
"""The system of which the most figures are reproduced, all of them plain complexities of networks."""


def table() -> str:
    """The sum of all claims, and a folded row a system."""
    found, checked = rows(), rows(checks=True)
    total = count(found)
    systems = sum(row["reproduced"] > 0 for row in summary(found, checked))
    head = f"{total['reproduced']} published figures of {systems} systems are reproduced by formulas here, "
    head += f"{total['contradicted']} are contradicted, each with its reason, and {total['hardware']} of hardware and "
    head += f"{total['training']} of training are shown, never called reproduced: all of them in "
    head += "[claims](docs/claims.md), as `bitfront claims` prints them.\n"
    plain = next(row for row in summary(found, checked) if row["system"] == PLAIN)["reproduced"]
    head += (
        f"Of those reproduced {plain} are {PLAIN}'s: FLOPs, parameters and activations of single networks, counted.\n"
    )
    head += f"Beside them {len(checked)} checks compare a formula here with its source alone: nobody printed "
    head += "them, they are definitions, or constants were chosen to give them (`bitfront claims --checks`).\n"
    head += f"No figure was read of {', '.join(system.system for system in unclaimed())}.\n"
    columns = (*VERDICTS, "checks")
    lines = [f"| system | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    lines += [f"| {row['system']} | {' | '.join(str(row[c]) for c in columns)} |" for row in summary(found, checked)]
    return f"{head}\n<details><summary>By system</summary>\n\n" + "\n".join(lines) + "\n\n</details>\n"


def page() -> str:
    """Every figure and check, a table a system, with why some are not reproduced."""
    found = rows() + rows(checks=True)
    text = "# Claims\n\nWhat was published of each system, and what the formulas here give (`bitfront claims`, "
    text += (
        "`bitfront claims --checks`; `python docs/claims.py` writes this page). `how` is a formula of the source, a "
    )
    text += "count of the network, or a refit of published data; checks are comparisons that nobody printed.\n"
    for system in sorted({row["system"] for row in found}, key=str.lower):
        text += f"\n## {system}\n\n{_table([row for row in found if row['system'] == system])}"
    return text


def _table(found: list[dict[str, Any]]) -> str:
    known = [row for row in found if row["published"] is not None]
    lines = [f"{row['gap'].capitalize()}: {row['quantity']} ({row['source']})." for row in found if row not in known]
    if known:
        lines += [
            f"| {' | '.join(COLUMNS)} |".replace("reproduced", "computed"),
            "|---|" + "--:|" * 3 + "---|" * 3,
            *map(_line, known),
        ]
    gaps = [f"- {row['quantity']}: {row['gap']}" for row in known if row.get("gap")]
    return "\n".join([*lines, *([""] if gaps else []), *gaps]) + "\n"


def _line(row: Mapping[str, Any]) -> str:
    return f"| {' | '.join(str(cell).replace('|', '/') for cell in map(written(dict(row)).get, COLUMNS))} |"


def main() -> int:
    """Replace what stands between the marks, and the page."""
    PAGE.write_text(page())
    before, _, rest = README.read_text().partition(START)
    _, _, after = rest.partition(END)
    README.write_text(before + START + table() + END + after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
