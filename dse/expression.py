"""Expressions over columns: limits as `footprint_bytes <= memory_bytes`, objectives as `latency_s / batch`."""

import ast
import copy
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np

from costmodel.catalog import require
from dse.metric import BINARY, METRICS, PREFIXES, no_unit

_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_COMPARISON: dict[type, Callable[[Any, Any], Any]] = {
    ast.LtE: operator.le, ast.GtE: operator.ge, ast.Lt: operator.lt, ast.Gt: operator.gt,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip

_NUMBER = r"[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?"
_PREFIX = r"(?:[KMGT]i(?=B)|[kKMGTmun]?)"
_QUANTITY = re.compile(rf"(?<![\w.])({_NUMBER})({_PREFIX})(B|s|J|Hz|/s|)(?![\w.])")
_LIMIT = re.compile(rf"\s*([A-Za-z_][\w.]*)\s*(?:<=|>=|<|>)\s*{_NUMBER}{_PREFIX}(B|s|J|Hz|/s|)\s*")
_UNKNOWN = re.compile(rf"(?:([A-Za-z_][\w.]*)\s*(?:<=|>=|<|>)\s*)?(?<![\w.]){_NUMBER}\s*([^\W\d_]+)")
_WORDS = ("and", "or")
_SUFFIXES = {"_bytes_per_s": "B/s", "_per_s": "1/s", "_bytes": "B", "_hz": "Hz", "_s": "s", "_j": "J"}

TEXT = ("model", "strategy", "mapping", "precision", "device")
"""Names that stand for text: they are compared with a string by == or !=."""

MOST_NODES = 200


@dataclass(frozen=True)
class Expression:
    """Sums, products, comparisons, `and` and `or` of names and numbers; `names` are those it reads."""

    text: str
    tree: ast.expr = field(repr=False, compare=False)
    names: frozenset[str] = field(repr=False)

    @property
    def is_limit(self) -> bool:
        """Whether it is true or false rather than a number."""
        return isinstance(self.tree, ast.Compare | ast.BoolOp)

    def reading(self, read: Callable[[str, str], str]) -> "Expression":
        """The same with each text that a name is compared with as `read` gives it, from the name and the text."""
        tree = copy.deepcopy(self.tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name) and _is_text(node.left):
                node.comparators = [ast.Constant(read(node.left.id, ast.literal_eval(node.comparators[0])))]
        changed = ast.dump(tree) != ast.dump(self.tree)
        return replace(self, text=ast.unparse(tree), tree=tree) if changed else self

    def __call__(self, columns: Mapping[str, Any]) -> Any:
        """Evaluate on columns by name: scalars or arrays that broadcast; a division by zero is nan or infinite."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return _evaluate(self.tree, columns)


def parse(text: Any) -> Expression:
    """Read an expression; ValueError quotes it and says what is wrong.

    Numbers may carry a prefix and a unit, as in 12ms, 80GB or 4GiB. Names may have dots (device.lut).
    """
    if not isinstance(text, str):
        raise ValueError(f"an expression must be a string, got {text!r}")
    _check_unit(text)
    try:
        tree = ast.parse(_plain(text).strip(), mode="eval").body
        count = sum(1 for _ in ast.walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"{_of_unit(text)}cannot read the expression {text!r}") from None
    if count > MOST_NODES:
        raise ValueError(f"an expression may have {MOST_NODES} parts, got {count} in {text[:40]!r}...")
    names: set[str] = set()
    _check(tree, text, names)
    return Expression(" ".join(text.split()), tree, frozenset(names))


def unit_of(name: str) -> str:
    """The base unit of a metric or field by its name, "" for a count."""
    if name in METRICS:
        return METRICS[name].unit
    return next((unit for suffix, unit in _SUFFIXES.items() if name.endswith(suffix)), "")


def _plain(text: str) -> str:
    """Numbers with prefixes and units outside quotes as plain numbers."""
    parts = re.split(r"(\"[^\"]*\"|'[^']*')", text)
    parts[::2] = [_QUANTITY.sub(lambda m: repr(float(m[1]) * (PREFIXES | BINARY)[m[2]]), part) for part in parts[::2]]
    return "".join(parts)


def _of_unit(text: str) -> str:
    """Words on what follows a number and is no unit, and on that of the metric beside it; none where all are."""
    for part in re.split(r"\"[^\"]*\"|'[^']*'", text):
        for match in _UNKNOWN.finditer(part):
            if match[2] not in _WORDS and not _QUANTITY.fullmatch(f"1{match[2]}"):
                named = match[1] in METRICS or (match[1] or "").endswith(tuple(_SUFFIXES))
                told = f"; {match[1]} is in {unit_of(match[1]) or 'plain counts'}" if named else ""
                return f"{no_unit(match[2])}{told}; "
    return ""


def _check_unit(text: str) -> None:
    match = _LIMIT.fullmatch(text)
    known = match and (match[1] in METRICS or match[1].endswith(tuple(_SUFFIXES)))
    if match and known and match[2] and {"/s": "1/s"}.get(match[2], match[2]) != unit_of(match[1]):
        raise ValueError(f"{match[1]} is in {unit_of(match[1]) or 'plain counts'}, got {text!r}")


def _check(node: ast.expr, text: str, names: set[str]) -> None:
    """Collect the names below a node; ValueError where a part is neither a name, a number nor one of the operators."""
    if isinstance(node, ast.Name | ast.Attribute):
        names.add(_dotted(node, text))
        return
    if isinstance(node, ast.Constant):
        if type(node.value) not in (int, float):
            raise ValueError(f"cannot read {ast.unparse(node)} in the expression {text!r}")
        return
    if isinstance(node, ast.Compare) and any(_is_text(part) for part in (node.left, *node.comparators)):
        names.add(_text_compared(node, text))
        return
    for part in _parts(node, text):
        _check(part, text, names)


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    return isinstance(node, ast.Name) and node.id in TEXT


def _text_compared(node: ast.Compare, text: str) -> str:
    """The name in `name == "text"`."""
    equality = len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq | ast.NotEq)
    if equality and isinstance(node.left, ast.Name) and _is_text(node.left):
        right = node.comparators[0]
        if isinstance(right, ast.Constant) and isinstance(right.value, str):
            return node.left.id
    raise ValueError(f'{", ".join(TEXT)} are compared as in device == "NAME", got {text!r}')


def _parts(node: ast.expr, text: str) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return [node.operand]
    if isinstance(node, ast.Compare) and all(type(op) in _COMPARISON for op in node.ops):
        return [node.left, *node.comparators]
    if isinstance(node, ast.BoolOp):
        return node.values
    raise ValueError(f"an expression has + - * / <= >= < > == != and or, got {text!r}")


def _dotted(node: ast.expr, text: str) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, text)}.{node.attr}"
    if isinstance(node, ast.Name):
        return node.id
    raise ValueError(f"cannot read the expression {text!r}")


def _evaluate(node: ast.expr, columns: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name | ast.Attribute):
        return columns[_dotted(node, "")]
    if isinstance(node, ast.UnaryOp):
        return -_evaluate(node.operand, columns)
    if isinstance(node, ast.BinOp):
        left, right = (np.asarray(_evaluate(side, columns)) for side in (node.left, node.right))
        return _ARITHMETIC[type(node.op)](left, right)
    if isinstance(node, ast.BoolOp):
        join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return reduce(join, (_evaluate(value, columns) for value in node.values))
    assert isinstance(node, ast.Compare)
    values = [_evaluate(side, columns) for side in (node.left, *node.comparators)]
    steps = [_COMPARISON[type(op)](a, b) for op, a, b in zip(node.ops, values[:-1], values[1:], strict=True)]
    return reduce(np.logical_and, steps)


@dataclass(frozen=True)
class Objective:
    """A quantity to minimise, or to maximise where `sign` is -1; `name` heads its column."""

    name: str
    value: Expression
    sign: float


def objective(text: Any) -> Objective:
    """Read "latency_s", "latency_s / batch" or "maximise batch / latency_s"; a metric alone knows what is better."""
    words = text.split(maxsplit=1) if isinstance(text, str) else []
    told = words[0] if len(words) == 2 and words[0] in ("minimise", "maximise") else ""
    value = parse(words[1] if told else text)
    if value.is_limit:
        raise ValueError(f"an objective is a quantity, not a limit, got {text!r}")
    natural = METRICS[value.text].better if value.text in METRICS else "lower"
    higher = told == "maximise" if told else natural == "higher"
    return Objective(value.text, value, -1.0 if higher else 1.0)


def limit(text: Any) -> Expression:
    """Read a constraint, which is a comparison or several joined by `and`, `or`."""
    found = parse(text)
    if not found.is_limit:
        raise ValueError(f"a constraint is a comparison such as latency_s <= 12ms, got {text!r}")
    return found


def check_names(expression: Expression, known: list[str]) -> None:
    """UnknownNameError, which lists near ones, where the expression reads a name that is not known."""
    for name in sorted(expression.names):
        require(f"name in {expression.text!r}:", name, known)
