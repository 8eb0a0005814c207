"""Pairs of sentences from the standard library's docstrings: a summary, and the paragraph that follows it."""

import ast
import random
import re
import sysconfig
from functools import cache
from pathlib import Path

SKIPPED = {"test", "tests", "site-packages", "dist-packages", "idlelib", "lib2to3", "__pycache__"}

SUMMARY_WORDS = range(5, 26)
PARAGRAPH_WORDS = range(8, 61)


def split(calibration: int, test: int, *, seed: int = 0) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return (calibration, test) lists of (summary, paragraph), from different modules, no text twice.

    ValueError where this Python's library has too few.
    """
    modules = list(_modules())
    random.Random(seed).shuffle(modules)
    seen: set[str] = set()
    parts: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
    wanted = calibration, test
    for pairs in modules:
        part = 0 if len(parts[0]) < wanted[0] else 1
        for pair in pairs:
            if len(parts[part]) < wanted[part] and not seen & set(pair):
                seen.update(pair)
                parts[part].append(pair)
    if len(parts[1]) < test:
        raise ValueError(f"the standard library's docstrings give {len(parts[1])} test pairs, {test} are wanted")
    return parts


@cache
def _modules() -> tuple[list[tuple[str, str]], ...]:
    root = Path(sysconfig.get_paths()["stdlib"])
    paths = [p for p in sorted(root.rglob("*.py")) if SKIPPED.isdisjoint(p.relative_to(root).parts)]
    return tuple(pairs for pairs in map(_pairs, paths) if pairs)


def _pairs(path: Path) -> list[tuple[str, str]]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return []
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    texts = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)]
    split_texts = [[" ".join(part.split()) for part in text.split("\n\n")[:2]] for text in texts]
    return [(parts[0], parts[1]) for parts in split_texts if len(parts) == 2 and _is_prose(*parts)]


def _is_prose(summary: str, paragraph: str) -> bool:
    return bool(
        len(summary.split()) in SUMMARY_WORDS
        and len(paragraph.split()) in PARAGRAPH_WORDS
        and re.fullmatch(r"[A-Z].*\.", summary)
        and re.match(r"[A-Z]", paragraph)
        and ">>>" not in paragraph
    )
