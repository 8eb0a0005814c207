"""The ONNX operators that are understood: tables from their names to what they cost."""

from functools import partial

from costmodel.importers import _onnx_attention
from costmodel.importers import _onnx_rules as rules
from costmodel.importers._onnx_rules import Rule

LAYERS: dict[str, Rule] = {
    "Conv": rules.convolution,
    "ConvInteger": partial(rules.convolution, bias=4),
    "QLinearConv": partial(rules.convolution, w=3, bias=8),
    "ConvTranspose": partial(rules.convolution, transposed=True),
    "Gemm": rules.gemm,
    "Gather": rules.embedding,
}
"""Operators with an input that is their weight: counted whatever they read."""

_SAME = "Relu LeakyRelu PRelu Sigmoid HardSigmoid Tanh Elu HardSwish Gelu Softplus Mish"
_FUNCTIONS = {"LeakyRelu": "leaky_relu"} | {name: name.lower() for name in _SAME.split() if name != "LeakyRelu"} | {
    "Selu": "elu", "Celu": "elu", "ThresholdedRelu": "relu", "Swish": "silu",
}  # fmt: skip
_NORMS = {
    "BatchNormalization": "batch", "LayerNormalization": "layer", "InstanceNormalization": "group",
    "GroupNormalization": "group", "RMSNormalization": "rms", "LpNormalization": "rms", "LRN": "group",
    "MeanVarianceNormalization": "layer",
}  # fmt: skip
_ELEMENTWISE = {
    1.0: "Abs Pow Sqrt Reciprocal Exp Log Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Erf Min Max"
    " Mod BitShift",
    2.0: "Clip Shrink",
    3.0: "Softsign",
}
_SUMS = "Add Sub Neg Sum Mean Where Sign Floor Ceil Round CumSum"
_REDUCTIONS = {
    1.0: "ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd GlobalAveragePool GlobalMaxPool ArgMax ArgMin",
    2.0: "ReduceL1 ReduceL2 ReduceSumSquare GlobalLpPool",
    4.0: "ReduceLogSum ReduceLogSumExp",
}

VECTOR: dict[str, Rule] = {
    "MatMul": rules.product,
    "MatMulInteger": rules.product,
    "QLinearMatMul": partial(rules.product, b=3),
    "Einsum": rules.einsum,
    "Attention": rules.attention,
    "GroupQueryAttention": partial(_onnx_attention.grouped_attention, past=3),
    "MultiHeadAttention": partial(_onnx_attention.grouped_attention, past=6, bias=3),
    "RotaryEmbedding": _onnx_attention.rotary,
    "SimplifiedLayerNormalization": partial(rules.norm, style="rms"),
    "SkipSimplifiedLayerNormalization": partial(_onnx_attention.norm_of_sum, style="rms", weights=(2,), bias=3),
    "SkipLayerNormalization": partial(_onnx_attention.norm_of_sum, style="layer", weights=(2, 3), bias=4),
    "FastGelu": partial(rules.activation, function="gelu"),
    "BiasGelu": partial(rules.activation, function="gelu"),
    "QuickGelu": partial(rules.activation, function="quick_gelu"),
    "Resize": rules.resize,
    "Upsample": rules.resize,
    "GridSample": rules.grid_sample,
    **dict.fromkeys(("Softmax", "LogSoftmax", "Hardmax"), rules.softmax),
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool"), rules.pooling),
    **{name: partial(rules.activation, function=function) for name, function in _FUNCTIONS.items()},
    **{name: partial(rules.norm, style=style) for name, style in _NORMS.items()},
    **{n: partial(rules.elementwise, flops=flops) for flops, names in _ELEMENTWISE.items() for n in names.split()},
    **dict.fromkeys(("Mul", "Div"), rules.scaled),
    **dict.fromkeys(_SUMS.split(), partial(rules.elementwise, product=False)),
    **{n: partial(rules.reduction, flops=flops) for flops, names in _REDUCTIONS.items() for n in names.split()},
}
"""Operators on activations: computed once, so free, where they read nothing else than what the file stores."""

_MOVES = """
    Identity Cast CastLike Reshape Transpose Flatten Squeeze Unsqueeze Split Slice Pad Expand Tile Gather GatherElements
    GatherND DepthToSpace SpaceToDepth Dropout ReverseSequence Trilu Compress QuantizeLinear DequantizeLinear
    DynamicQuantizeLinear CenterCropPad Col2Im BitCast OneHot NonZero
"""
_COMPARISONS = "Equal Greater GreaterOrEqual Less LessOrEqual And Or Not Xor IsNaN IsInf"
COMPARISONS = frozenset(_COMPARISONS.split())
"""Operators through which nothing is learned: what they say of stored tensors alone is no parameter."""
_JOINS = """
    Concat ScatterND ScatterElements Scatter TensorScatter BitwiseAnd BitwiseOr BitwiseXor BitwiseNot
"""
MOVES: dict[str, int | None] = {
    **dict.fromkeys(_MOVES.split(), 1),
    **dict.fromkeys((*_JOINS.split(), *_COMPARISONS.split())),
}
"""Operators that move, convert, quantize or compare, and how many of their first inputs they pass on (None = all)."""

_COPIES = """
    Concat Pad Tile Gather GatherElements GatherND DepthToSpace SpaceToDepth ReverseSequence Trilu Compress
    CenterCropPad OneHot
"""
COPIES = frozenset(_COPIES.split())
WRITES: dict[str, int] = {"ScatterND": 2, "ScatterElements": 2, "Scatter": 2, "TensorScatter": 1}
"""Those among them that copy, and those that write into a tensor that stays, with the input that they write."""

CONSTANTS = frozenset(("Constant", "ConstantOfShape", "Shape", "Size", "Range", "EyeLike"))
"""Operators whose result is the same in every pass."""
RANDOM = frozenset(
    ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial")
)
"""Operators whose result is new in every pass, though nothing is computed."""
