"""Table lookup."""

from costmodel.workload.op import Op
from costmodel.workload.ops._sizes import require_positive


def embedding(
    name: str, tokens: float, entries: int, features: int, *, shares: str = "", inputs: tuple[str, ...] = ()
) -> Op:
    """Return a lookup of `tokens` rows in an (entries, features) table, of which one execution reads those rows alone.

    A table that `shares` the weights of another op is stored by that one: here its rows count as input.
    ValueError where a size is not positive.
    """
    require_positive(name, tokens=tokens, entries=entries, features=features)
    return Op(
        name,
        "embedding",
        inputs,
        input_elements=tokens * features if shares else 0,
        weight_elements=0 if shares else entries * features,
        output_elements=tokens * features,
        weight_reads=min(1.0, tokens / entries),
        keeps_inputs=False,
        row_elements=features,
        shares=shares,
    )


def looks_up_positions(op: Op) -> bool:
    """Whether an op looks up positions of tokens rather than tokens, in a network or in a model beside it."""
    return op.kind == "embedding" and any(name.rpartition(".")[2] == "position_ids" for name in op.inputs)
