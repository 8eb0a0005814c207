"""What a layer reads other tokens by: the shapes of its attention, as records."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Attention:
    """Multi-head attention; grouped-query where `kv_heads` < `heads`.

    bias     letters of the projections that add one, among "qkvo"
    fused    queries, keys and values come from one projection
    qk_norm  a norm over each head's query and key, its style as in ops.norm (Qwen3: rms); "" for none
    inner_norm  what the RMS norm before the output projection is called, where there is one (BitNet)
    gated    a sigmoid of as many values as the queries have multiplies what is attended to (Qwen3-Next)
    qk_norm_whole  that norm is over all heads together (OLMo 2)
    qk_norm_affine that norm has weights (not in Llama 4)
    window   keys that a token sees up to its own, 0 = all
    alibi    a multiple of the distance is added to every score: Press et al., arXiv 2108.12409, section 3
    turned   rotary embedding turns queries and keys, where a model has it at all
    sinks    each head has a learned score beside those of its keys: OpenAI, gpt-oss model card, arXiv 2508.10925, 2.2
    """

    heads: int
    kv_heads: int
    head_dim: int
    bias: str = ""
    fused: bool = False
    qk_norm: str = ""
    qk_norm_whole: bool = False
    qk_norm_affine: bool = True
    window: int = 0
    alibi: bool = False
    turned: bool = True
    sinks: bool = False
    gated: bool = False
    inner_norm: str = ""

    def __post_init__(self) -> None:
        if self.heads % self.kv_heads:
            raise ValueError(f"kv_heads must divide heads, got heads={self.heads}, kv_heads={self.kv_heads}")

    @property
    def cache_elements(self) -> int:
        """Elements that one token adds to a layer's cache."""
        return 2 * self.kv_heads * self.head_dim


@dataclass(frozen=True)
class LatentAttention:
    """Multi-head latent attention: DeepSeek-AI, DeepSeek-V2, arXiv 2405.04434, section 2.1.

    `q_lora_rank` 0 projects queries directly. A head's key has `nope_dim` elements from the latent and `rope_dim`
    rotary ones that all heads share; its value has `value_dim`. `bias` is of the projections down and out.
    """

    heads: int
    q_lora_rank: int
    kv_lora_rank: int
    nope_dim: int
    rope_dim: int
    value_dim: int
    bias: bool = False

    @property
    def cache_elements(self) -> int:
        """Elements that one token adds to a layer's cache: the latent and the rotary key."""
        return self.kv_lora_rank + self.rope_dim


@dataclass(frozen=True)
class DeltaNet:
    """Linear attention by the gated delta rule, as Qwen3-Next has it: Yang et al., arXiv 2412.06464.

    `heads` values of `value_dim`, several to each of `key_heads` queries and keys of `key_dim`, all after a convolution
    along `kernel` tokens; their states are as large whatever the context is. `separate` projections make what goes into
    the convolution, its gate and the two values a head of each token (Qwen3.5), or one each two of these.
    """

    heads: int
    key_heads: int
    key_dim: int
    value_dim: int
    kernel: int
    separate: bool = False

    def __post_init__(self) -> None:
        if self.heads % self.key_heads:
            raise ValueError(f"key_heads must divide heads, got heads={self.heads}, key_heads={self.key_heads}")

    @property
    def cache_elements(self) -> int:
        """Elements that one token adds to a layer's cache: none."""
        return 0
