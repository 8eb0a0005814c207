"""What ONNX Runtime's optimiser makes one operator of at the head of BERT: three tables, the sum of their rows, a norm.

ONNX Runtime, docs/ContribOperators.md: EmbedLayerNormalization, QEmbedLayerNormalization.
"""

from collections.abc import Iterator
from typing import Any

QUANTISED = "QEmbedLayerNormalization"
OPERATORS = ("EmbedLayerNormalization", QUANTISED)
IDS, SEGMENTS, WORD, POSITION, SEGMENT, SCALE, SHIFT, MASK = range(8)
PLACES = {"EmbedLayerNormalization": 8}
"""Where the ids of positions are; without them they count from 0, alike in each sequence."""
SCALES, ZEROS = 8, 13
"""Where the scales of quantised tables, norm's scale and shift begin, and their zero points."""
FIRST, END, AXES = "first", "end", "axes"
"""What of the ids of positions is taken."""
INT64 = 7
"""Of TensorProto.DataType."""


def plain(node: Any, graph: Any) -> Iterator[Any]:
    """The lookups, their sums and the norm; of the mask, something that has its name."""
    given = [*node.input, *[""] * (ZEROS + SHIFT - len(node.input))]
    result, rows = node.output[0], []
    for at, ids in ((WORD, given[IDS]), (POSITION, _places(node, given)), (SEGMENT, given[SEGMENTS])):
        if given[at] and (ids or at == POSITION):
            rows.append(f"{result}/rows_{at}")
            yield from _rows(node, given, at, ids, graph)
    if not rows:
        return
    total = rows[0]
    for i, row in enumerate(rows[1:]):
        yield _made(node, "Add", [total, row], f"{result}/sum_{i}")
        total = f"{result}/sum_{i}"
    yield from _norm(node, given, total)
    for output, source in zip(node.output[1:], (given[MASK] or given[IDS], total), strict=False):
        if output:
            yield _made(node, "Identity", [source], output)


def _places(node: Any, given: list[str]) -> str:
    """The ids of positions, "" where they count from 0."""
    at = PLACES.get(node.op_type)
    return given[at] if at else ""


def _rows(node: Any, given: list[str], at: int, ids: str, graph: Any) -> Iterator[Any]:
    """The rows of a table, as floats; those of positions that count as many as one sequence has."""
    output = f"{node.output[0]}/rows_{at}"
    if not ids:
        ids = f"{output}/sequence"
        for name, value in ((FIRST, 0), (END, 1), (AXES, 0)):
            graph.initializer.add(name=f"{ids}/{name}", data_type=INT64, dims=[1], int64_data=[value])
        yield _made(node, "Slice", [given[IDS], *(f"{ids}/{name}" for name in (FIRST, END, AXES))], ids)
    quantised = node.op_type == QUANTISED
    yield _made(node, "Gather", [given[at], ids], f"{output}/codes" if quantised else output)
    if quantised:
        yield _widened(node, given, at, f"{output}/codes", output)


def _norm(node: Any, given: list[str], total: str) -> Iterator[Any]:
    """The norm of a sum, its scale and shift as floats."""
    affine = [given[SCALE], given[SHIFT]]
    if node.op_type == QUANTISED:
        affine = [f"{node.output[0]}/affine_{at}" for at in (SCALE, SHIFT)]
        for at, name in zip((SCALE, SHIFT), affine, strict=True):
            yield _widened(node, given, at, given[at], name)
    yield _made(node, "LayerNormalization", [total, *affine], node.output[0])


def _widened(node: Any, given: list[str], at: int, codes: str, output: str) -> Any:
    """Codes as floats."""
    kept = [codes, given[SCALES + at - WORD], given[ZEROS + at - WORD]]
    return _made(node, "DequantizeLinear", kept if kept[-1] else kept[:-1], output)


def _made(node: Any, operator: str, inputs: list[str], output: str) -> Any:
    made = type(node)(op_type=operator, name=node.name, input=inputs, output=[output])
    made.metadata_props.extend(node.metadata_props)
    return made
