"""LanguageModel: the shape of a transformer that reads or writes tokens, as a record."""

from dataclasses import dataclass

from costmodel.display import card
from costmodel.workload.attention_shapes import Attention, DeltaNet, LatentAttention
from costmodel.workload.checkpoint import Checkpoint
from costmodel.workload.feed_forward_shapes import Mlp, Moe
from costmodel.workload.module_names import LLAMA, ModuleNames


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
