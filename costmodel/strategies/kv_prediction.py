"""KV Prediction: a small model reads the prompt, and linear layers turn its cache into the large model's.

Horton et al., KV Prediction for Improved Time to First Token, arXiv 2410.08391; which layers pruning keeps and what
predicts what are those of apple/corenet, corenet/modeling/models/language_modeling/kv_prediction.py. The paper takes
the ratio of parameters for that of FLOPs. Counted layer by layer on 59 to 2,048 tokens a prefill shrinks by 1 % less to
2.5 % more than that for 450m, by up to 1 % more for three quarters of the layers, by 1 % less to 5 % more for 270m, by
3-5 % more for half and 10-16 % more for a quarter of the layers, whose embedding multiplies but the last token.
"""

from dataclasses import dataclass, replace
from functools import partial

from costmodel import zoo
from costmodel.claim import Claim
from costmodel.strategies._decoders import decoder, require_vocabulary
from costmodel.strategies._shown import Shown
from costmodel.workload import Op, Workload
from costmodel.workload.attention_shapes import Attention
from costmodel.workload.language_model import LanguageModel
from costmodel.workload.ops import linear
from costmodel.workload.serving import decode, prefill
from costmodel.zoo.openelm import params

PREFIX = "auxiliary."
NETWORK_INPUTS = ("input_ids", "position_ids")
KEPT = {0.25: (0,), 0.5: (0, 2), 0.75: (0, 1, 2), 1.0: (0, 1, 2, 3)}
"""Which of each four layers a share keeps."""


@dataclass(frozen=True)
class KVPrediction(Shown):
    """A prefill by the zoo's model `auxiliary` ("" = the model itself) with `keep_layers` of its layers.

    The auxiliary reads all tokens of the prompt but the last, without a head; a linear layer each predicts the keys and
    values of every layer; the model computes the last token. Neither name nor pruned layers: nothing changes. Weights
    of both models are stored. ValueError where the pass is no prefill as the zoo builds it, or the models' vocabularies
    differ.
    """

    auxiliary: str = ""
    keep_layers: float = 1.0

    def __post_init__(self) -> None:
        if self.keep_layers not in KEPT:
            raise ValueError(f"keep_layers must be one of {', '.join(map(str, KEPT))}, got {self.keep_layers}")
        if self.auxiliary:
            decoder(self.auxiliary, "an auxiliary")

    def __call__(self, workload: Workload) -> Workload:
        """Return the prefill that a predicted cache makes."""
        if not self.auxiliary and self.keep_layers == 1:
            return workload
        base = _model(workload.name)
        small = pruned(_model(self.auxiliary) if self.auxiliary else base, self.keep_layers)
        tokens = prompt(workload, base)
        require_vocabulary(small, base)
        reading = prefill(replace(small, head=False), workload.batch, tokens - 1)
        predicting = predictors(small, base, workload.batch * (tokens - 1))
        last = decode(base, workload.batch, tokens - 1)
        ops = (*map(_prefixed, reading.ops), *predicting, *last.ops)
        outputs = (*last.outputs, *(op.name for op in predicting))
        return replace(workload, ops=ops, outputs=outputs, covers=f"{workload.covers}, its cache predicted")


def _model(name: str) -> LanguageModel:
    model = zoo.language_model(name)
    if model is None:
        raise ValueError(f"kv_prediction takes language models, {name} is a vision network")
    return model


def pruned(model: LanguageModel, keep: float) -> LanguageModel:
    """Return the model with a key of KEPT of its layers: of each four the first, every other or the first three."""
    return replace(model, blocks=tuple(block for i, block in enumerate(model.blocks) if i % 4 in KEPT[keep]))


def prompt(workload: Workload, model: LanguageModel) -> int:
    """Tokens of a prefill; ValueError unless it is the zoo's, of two tokens or more, without latent attention."""
    tokens = next((int(op.m) for op in workload.ops if op.kind == "attention"), 0)
    plain = all(isinstance(block.attention, Attention) for block in model.blocks) and not model.encoder
    if workload.phase != "prefill" or tokens < 2 or not plain:
        raise ValueError(f"kv_prediction takes a decoder's prefill of two tokens or more, got {workload.covers}")
    if workload.ops != prefill(model, workload.batch, tokens).ops:
        raise ValueError(f"kv_prediction builds {workload.name} anew, so it must be the first strategy")
    return tokens


def predictors(small: LanguageModel, base: LanguageModel, tokens: int) -> tuple[Op, ...]:
    """Linear layers from keys and values of the auxiliary's layer at the same relative depth to each of the base's."""
    sources = [i * small.layers // base.layers for i in range(base.layers)]
    return tuple(
        linear(
            f"predictor.{part}.{i}", tokens, small.blocks[source].attention.cache_elements / 2,
            block.attention.cache_elements / 2,
            inputs=(f"{PREFIX}{small.names.layers}.{source}.{name}",),
        )
        for i, (source, block) in enumerate(zip(sources, base.blocks, strict=True))
        for part, name in _caches(small, source)
    )  # fmt: skip


def _caches(model: LanguageModel, layer: int) -> tuple[tuple[str, str], ...]:
    """The projections that make a layer's keys and values."""
    attention, names = model.blocks[layer].attention, model.names
    fused = isinstance(attention, Attention) and attention.fused
    return ("key", names.qkv if fused else names.k), ("value", names.qkv if fused else names.v)


def _prefixed(op: Op) -> Op:
    inputs = tuple(name if name in NETWORK_INPUTS else PREFIX + name for name in op.inputs)
    return replace(op, name=PREFIX + op.name, inputs=inputs, shares=op.shares and PREFIX + op.shares)


def params_ratio(base: str, auxiliary: str = "", keep_layers: float = 1.0) -> float:
    """The paper's estimate of what the FLOPs before the first token shrink by: parameters over the auxiliary's."""
    model = _model(base)
    return params(model) / params(pruned(_model(auxiliary) if auxiliary else model, keep_layers))


_TABLES = "Horton et al., arXiv 2410.08391, appendix B, tables 5 and 6"
_TIMES = "Horton et al., arXiv 2410.08391, table 5: M2 Pro CPU, batch 64, 59 tokens"

AUXILIARIES = (
    ("450m", "openelm-450m", 1.0, 2.36),
    ("270m", "openelm-270m", 1.0, 3.98),
    ("0.75-layers", "", 0.75, 1.34),
    ("0.50-layers", "", 0.5, 1.93),
    ("0.25-layers", "", 0.25, 3.60),
)
"""What predicts: its name, the model, the share of layers, the saving of FLOPs printed, which is that of parameters."""

CLAIMS = (
    *(
        Claim("KV Prediction", f"params-{name}", f"parameters of OpenELM 1.1B over {name}'s, of which the paper makes "
              "that ratio of FLOPs", _TABLES, "analytic", published,
              partial(params_ratio, "openelm-1.1b", auxiliary, keep), rtol=0.005 / published, how="definition")
        for name, auxiliary, keep, published in AUXILIARIES
    ),
    *(
        Claim("KV Prediction", f"seconds-{name}", f"time to first token of {name}, s", _TIMES, "hardware", seconds)
        for name, seconds in (
            ("openelm-1.1b", 5.59), ("predicted-by-450m", 3.17), ("predicted-by-270m", 2.24), ("openelm-450m", 2.58),
            ("openelm-270m", 1.67),
        )
    ),
)  # fmt: skip

EXAMPLES = (KVPrediction(keep_layers=0.5), KVPrediction(keep_layers=0.25))
IDENTITIES = (KVPrediction(),)
