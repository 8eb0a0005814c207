"""Scaled dot-product attention: softmax(Q K^T) V, one op."""

from costmodel.workload.op import Heads, Op
from costmodel.workload.ops._sizes import require_counts, require_positive

SOFTMAX_FLOPS = 5  # a score: scale, subtract the maximum, exponentiate, add to the sum, divide


def kept_fraction(queries: int, keys: int, *, causal: bool, window: int = 0) -> float:
    """The fraction of queries x keys scores that the mask keeps; the queries are the last of the keys.

    `window` > 0 keeps the last `window` keys up to each query (both sides of it where not causal). ValueError where
    there are more queries than keys.
    """
    if queries > keys:
        raise ValueError(f"the queries must be among the keys, got {queries=}, {keys=}")
    reach = min(window or keys, keys)
    ahead = 0 if causal else reach - 1
    first = keys - queries
    last_seen = (
        _triangle(keys - 1)
        - _triangle(first - 1)
        + queries * ahead
        - _triangle(ahead)
        + _triangle(first + ahead - keys)
    )
    first_seen = _triangle(keys - reach) - _triangle(first - reach)
    return (last_seen - first_seen + queries) / (queries * keys)


def _triangle(n: int) -> int:
    """1 + 2 + ... + n."""
    return n * (n + 1) // 2 if n > 0 else 0


def attention(
    name: str,
    batch: int,
    *,
    queries: int,
    keys: int,
    heads: int,
    kv_heads: int,
    head_dim: int,
    value_dim: int = 0,
    causal: bool = False,
    window: int = 0,
    cached: bool = False,
    alibi: bool = False,
    inputs: tuple[str, ...] = (),
) -> Op:
    """Return one attention (MHA, or GQA/MQA by `kv_heads`): per head m = queries, n = keys, k = head_dim + value_dim.

    `cached` keys and values are read in the KV-cache format, others as activations; `value_dim` defaults to `head_dim`.
    With a `window` at most that many keys of a single query are read; `alibi` adds a term to every score. Its gradient
    reads the result: Dao, FlashAttention-2, arXiv 2307.08691, algorithm 2. ValueError if `kv_heads` does not divide
    `heads`, or a size is not positive.
    """
    require_positive(name, batch=batch, queries=queries, keys=keys, heads=heads, head_dim=head_dim)
    require_counts(name, value_dim=value_dim, window=window)
    if kv_heads < 1 or heads % kv_heads:
        raise ValueError(f"kv_heads must divide heads, got {heads=}, {kv_heads=}")
    value_dim = value_dim or head_dim
    shared = Heads(batch, kv_heads, keys, window, causal)
    keys = min(keys, window + queries - 1) if window else keys
    kv = batch * keys * kv_heads * (head_dim + value_dim)
    mask = kept_fraction(queries, keys, causal=causal, window=window) if causal or window else 1.0
    return Op(
        name,
        "attention",
        inputs,
        b=batch * heads,
        m=queries,
        n=keys,
        k=head_dim + value_dim,
        input_elements=batch * queries * heads * head_dim + (0 if cached else kv),
        kv_elements=kv if cached else 0,
        output_elements=batch * queries * heads * value_dim,
        mask_density=mask,
        vector_flops=(SOFTMAX_FLOPS + alibi) * batch * heads * queries * keys * mask,
        heads=shared,
        keeps_output=True,
    )


def latent_attention(
    name: str,
    batch: int,
    *,
    queries: int,
    keys: int,
    heads: int,
    latent_dim: int,
    rope_dim: int,
    causal: bool = True,
    inputs: tuple[str, ...] = (),
) -> Op:
    """Return multi-head latent attention in its absorbed form: every head reads one shared latent and one rotary key.

    Per head k = (latent_dim + rope_dim) + latent_dim; the cache holds latent_dim + rope_dim elements a token.
    DeepSeek-AI, DeepSeek-V2, arXiv 2405.04434, section 2.1. ValueError where a size is not positive.
    """
    require_positive(name, batch=batch, queries=queries, keys=keys, heads=heads, latent_dim=latent_dim)
    require_counts(name, rope_dim=rope_dim)
    mask = kept_fraction(queries, keys, causal=causal)
    return Op(
        name,
        "attention",
        inputs,
        b=batch * heads,
        m=queries,
        n=keys,
        k=2 * latent_dim + rope_dim,
        input_elements=batch * queries * heads * (latent_dim + rope_dim),
        kv_elements=batch * keys * (latent_dim + rope_dim),
        output_elements=batch * queries * heads * latent_dim,
        mask_density=mask,
        vector_flops=SOFTMAX_FLOPS * batch * heads * queries * keys * mask,
        keeps_output=True,
    )
