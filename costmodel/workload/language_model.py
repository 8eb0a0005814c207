"""LanguageModel: the shape of a transformer that reads or writes tokens, as a record."""

from dataclasses import dataclass

from costmodel.display import card
from costmodel.workload.checkpoint import Checkpoint
from costmodel.workload.module_names import LLAMA, ModuleNames


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


@dataclass(frozen=True)
class Mlp:
    """Two linear layers around an activation, or three where a gate multiplies it; `function` as in ops.activation.

    `fused` computes the gate's and the value's projection in one; `inner_norm` is what the RMS norm before the last
    layer is called, where there is one (BitNet).
    """

    d_ff: int
    function: str = "silu"
    gated: bool = True
    fused: bool = False
    bias: bool = False
    inner_norm: str = ""


@dataclass(frozen=True)
class Moe:
    """A router and `experts` gated MLPs of width `d_ff`, of which each token takes `experts_per_token`.

    `shared_d_ff` is the width of the MLP that every token takes, all shared experts together, `shared_gate` a factor of
    it for each token (Qwen2); `router_correction` says that the router stores a score offset an expert (DeepSeek-V3),
    `bias` that it and the experts' projections add one each (gpt-oss). `router` is its name in a layer, `module` that
    of all of it, and `shared` that of what every token takes within it, by default as DeepSeek's or Qwen's.
    """

    experts: int
    experts_per_token: int
    d_ff: int
    function: str = "silu"
    shared_d_ff: int = 0
    shared_gate: bool = False
    router_correction: bool = False
    bias: bool = False
    router: str = "mlp.gate"
    module: str = "mlp"
    shared: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.experts_per_token <= self.experts:
            raise ValueError(
                f"experts_per_token must be within 1..experts, got {self.experts_per_token} of {self.experts}"
            )


@dataclass(frozen=True)
class Norm:
    """`style` as in ops.norm.

    `placement` is pre (before a sublayer), post (after its residual sum), output (of a sublayer, before that sum),
    sandwich (pre and output), or parallel (one before attention and MLP, which both read it). A layer norm `shifts`
    as well as scales unless told otherwise.
    """

    style: str = "rms"
    placement: str = "pre"
    affine: bool = True
    shifts: bool = True


@dataclass(frozen=True)
class Block:
    """One layer: attention, then an MLP or experts."""

    attention: Attention | LatentAttention | DeltaNet
    mlp: Mlp | Moe


@dataclass(frozen=True)
class Encoder:
    """Whisper's audio encoder: two convolutions over 2 x `positions` frames of `mel_bins`, then unmasked blocks."""

    blocks: tuple[Block, ...]
    mel_bins: int
    positions: int
    names: ModuleNames


@dataclass(frozen=True)
class TextEncoder:
    """T5's encoder: unmasked blocks over `positions` tokens, whose table the decoder shares."""

    blocks: tuple[Block, ...]
    positions: int
    names: ModuleNames


@dataclass(frozen=True)
class Conformer:
    """FastConformer's audio encoder: Rekesh et al., arXiv 2305.05084, as NVIDIA's NeMo builds it.

    `positions` results of `width`, one for every 8 frames of `mel_bins`, from convolutions of `channels`; a decoder of
    another width reads them through a linear layer. `kernel` is that of the depthwise convolution along time.
    """

    layers: int
    width: int
    heads: int
    mel_bins: int
    positions: int
    names: ModuleNames
    kernel: int = 9
    channels: int = 256
    bias: bool = True


@dataclass(frozen=True)
class Transform:
    """A linear layer of the model's width before its head or classifier, an activation, and a norm if it has a name."""

    dense: str
    function: str
    norm: str = ""


@dataclass(frozen=True)
class Classifier:
    """A linear layer to `classes`, from the hidden states or from what the pooler makes of them.

    `tokens` are those of a sequence that it reads: all, one, or asked (those whose logits a pass is asked for).
    """

    name: str
    classes: int
    bias: bool = True
    tokens: str = "all"

    def rows(self, tokens: int, asked: int) -> int:
        """How many of a sequence's tokens it reads."""
        return {"all": tokens, "one": 1, "asked": asked}[self.tokens]


@dataclass(frozen=True)
class LanguageModel:
    """A stack of blocks between an embedding and a head; the defaults are Llama's.

    positions        rows of a learned position table, `position_offset` of them before the first token's; 0 = no table
    rotary           the fraction of a head's elements that rotary embedding turns
    relative_buckets rows of a table with a score for each head and span of distances (T5); 0 = no table
    token_types      rows of a token-type table (BERT)
    embedding_width  width of the token table where it is not d_model: linear layers lead in and out of it (OPT-350m)
    embedding_within all embeddings and their norm have that width; a linear layer leads in behind them alone (ELECTRA)
    embedding_norm   a norm follows the embeddings (BERT)
    final_norm       a norm follows the last block
    causal           a token sees those before it: the model decodes
    head             a linear layer to the vocabulary; tied: it shares the token table
    pooler           a linear layer and tanh on the first token (BERT)
    encoder          what every block attends to as well (Whisper, Canary, T5)
    head_bias        the head adds one
    transform        what the head, or a classifier instead of it, reads the hidden states through
    classifier       what gives classes
    checkpoint       the formats that a file says its linear layers are held in
    uncounted        parts known to cost something that no op stands for
    """

    name: str
    vocab: int
    d_model: int
    blocks: tuple[Block, ...]
    norm: Norm = Norm()
    positions: int = 0
    position_offset: int = 0
    rotary: float = 1.0
    relative_buckets: int = 0
    token_types: int = 0
    embedding_width: int = 0
    embedding_within: bool = False
    embedding_norm: bool = False
    final_norm: bool = True
    causal: bool = True
    head: bool = True
    tied: bool = False
    pooler: bool = False
    encoder: Encoder | TextEncoder | Conformer | None = None
    head_bias: bool = False
    transform: Transform | None = None
    classifier: Classifier | None = None
    names: ModuleNames = LLAMA
    checkpoint: Checkpoint | None = None
    uncounted: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.blocks:
            raise ValueError(f"a language model needs at least one block, {self.name!r} has none")

    @property
    def layers(self) -> int:
        """Number of blocks."""
        return len(self.blocks)

    @property
    def results(self) -> tuple[str, ...]:
        """The layers that give logits and classes."""
        return (*([self.names.head] if self.head else []), *([self.classifier.name] if self.classifier else []))

    @property
    def max_context(self) -> float:
        """Tokens that the position table holds, infinite without one."""
        return self.positions - self.position_offset if self.positions else float("inf")

    @property
    def cache_elements(self) -> int:
        """Elements that one token of a sequence adds to the KV cache, over all layers; windows bound its length."""
        return sum(block.attention.cache_elements for block in self.blocks)

    def _repr_html_(self) -> str:
        attention, mlp = self.blocks[0].attention, self.blocks[0].mlp
        values = {
            "d_model": self.d_model,
            "vocab": self.vocab,
            "layers": self.layers,
            "attention": f"{type(attention).__name__}, {attention.heads} heads",
            "mlp": f"{type(mlp).__name__}, d_ff {mlp.d_ff}",
            "cache_elements": self.cache_elements,
        }
        notes = (f"Not counted: {', '.join(self.uncounted)}" if self.uncounted else "",)
        return card(f"LanguageModel {self.name}; attention and mlp of the first layer", values, notes=notes)
