"""Write the table of claims into README.md from what `bitfront claims` prints: python docs/claims.py."""

import sys
from pathlib import Path

from app.claims import VERDICTS, count, rows, summary, unclaimed

README = Path(__file__).parents[1] / "README.md"
START, END = "<!-- claims: python docs/claims.py -->\n", "<!-- end of claims -->\n"


def table() -> str:
    """The sum of all claims, and a folded row a system."""
    found = rows()
    total = count(found)
    head = f"{total['reproduced']} published figures of {len(summary(found))} systems are reproduced by formulas here, "
    head += f"{total['contradicted']} are contradicted, each with its reason, and {total['hardware']} of hardware and "
    head += f"{total['training']} of training are shown, never called reproduced (`bitfront claims`).\n"
    head += f"No figure was read of {', '.join(system.system for system in unclaimed())}.\n"
    lines = [f"| system | {' | '.join(VERDICTS)} |", f"|---|{'---|' * len(VERDICTS)}"]
    lines += [f"| {row['system']} | {' | '.join(str(row[v]) for v in VERDICTS)} |" for row in summary(found)]
    return f"{head}\n<details><summary>By system</summary>\n\n" + "\n".join(lines) + "\n\n</details>\n"


def main() -> int:
    """Replace what stands between the marks."""
    before, _, rest = README.read_text().partition(START)
    _, _, after = rest.partition(END)
    README.write_text(before + START + table() + END + after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
