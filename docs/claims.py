"""Write the table of claims into README.md from what `bitfront claims` prints: python docs/claims.py."""

import sys
from pathlib import Path

from app.claims import VERDICTS, count, rows, summary, unclaimed

README = Path(__file__).parents[1] / "README.md"
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
    head += f"{total['training']} of training are shown, never called reproduced (`bitfront claims`).\n"
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


def main() -> int:
    """Replace what stands between the marks."""
    before, _, rest = README.read_text().partition(START)
    _, _, after = rest.partition(END)
    README.write_text(before + START + table() + END + after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
