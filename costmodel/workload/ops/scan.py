"""Recurrences over a sequence: linear attention and selective state-space scans."""

from costmodel.workload.op import Op
from costmodel.workload.ops._sizes import require_positive


def linear_attention(
    name: str, batch: int, *, tokens: int, heads: int, key_dim: int, value_dim: int, directions: int = 1,
    inputs: tuple[str, ...] = (),
) -> Op:  # fmt: skip
    """Return gated linear attention in recurrent form: a token updates and reads a (key_dim, value_dim) state a head.

    MACs: 2 key_dim value_dim a head, token and direction (outer product, readout); the decay is one vector FLOP a state
    element. Yang et al., Gated Linear Attention Transformers with Hardware-Efficient Training, arXiv 2312.06635, eq. 3.
    ValueError where a size is not positive.
    """
    sizes = {"batch": batch, "tokens": tokens, "heads": heads, "key_dim": key_dim, "value_dim": value_dim}
    require_positive(name, **sizes, directions=directions)
    rows = batch * tokens * heads * directions
    return Op(
        name,
        "scan",
        inputs,
        b=rows,
        m=1,
        n=value_dim,
        k=2 * key_dim,
        input_elements=batch * tokens * heads * (2 * key_dim + value_dim) * directions,
        output_elements=batch * tokens * heads * value_dim,
        vector_flops=rows * key_dim * value_dim,
    )


def delta_rule(
    name: str, batch: int, *, tokens: int, heads: int, key_dim: int, value_dim: int, cached: bool = False,
    inputs: tuple[str, ...] = (),
) -> Op:  # fmt: skip
    """Return the gated delta rule in recurrent form, whose (key_dim, value_dim) state a head is kept where `cached`.

    MACs: 3 key_dim value_dim a head and token (what the state has for the key, the outer product, the readout); the
    decay is one vector FLOP a state element, what is corrected two a value. Yang, Kautz and Hatamizadeh, Gated Delta
    Networks, arXiv 2412.06464, eq. 10. ValueError where a size is not positive.
    """
    require_positive(name, batch=batch, tokens=tokens, heads=heads, key_dim=key_dim, value_dim=value_dim)
    rows, state = batch * tokens * heads, key_dim * value_dim
    return Op(
        name,
        "scan",
        inputs,
        b=rows,
        m=1,
        n=value_dim,
        k=3 * key_dim,
        input_elements=rows * (2 * key_dim + value_dim + 2),
        kv_elements=batch * heads * state if cached else 0,
        output_elements=rows * value_dim,
        vector_flops=rows * (state + 2 * value_dim),
    )


def selective_scan(
    name: str, batch: int, *, tokens: int, channels: int, states: int, directions: int = 1, inputs: tuple[str, ...] = ()
) -> Op:
    """Return a selective state-space scan: 9 vector FLOPs a token, channel and state, plus the skip's one a channel.

    Gu and Dao, Mamba, arXiv 2312.00752; the count is 9 B L D N + B D L, as its implementations report. ValueError
    where a size is not positive.
    """
    require_positive(name, batch=batch, tokens=tokens, channels=channels, states=states, directions=directions)
    elements = batch * tokens * channels * directions
    return Op(
        name,
        "scan",
        inputs,
        input_elements=2 * elements + 2 * batch * tokens * states * directions,
        vector_elements=channels * states * directions + channels * directions,
        output_elements=elements,
        vector_flops=9.0 * elements * states + elements,
    )
