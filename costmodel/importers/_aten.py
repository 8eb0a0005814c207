"""The aten operators that are understood: tables from their names to what they cost."""

from functools import partial

from costmodel.importers import _aten_rules as rules
from costmodel.importers._aten_rules import Rule

LAYERS: dict[str, Rule] = {
    "linear": rules.linear,
    "embedding": rules.embedding,
    **dict.fromkeys(("embedding_bag", "_embedding_bag"), rules.embedding_bag),
    "_grouped_mm": rules.experts,
    "transformers::grouped_mm_fallback": rules.experts,
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "convolution", "_convolution"), rules.convolution),
    **{f"conv_transpose{rank}d": partial(rules.convolution, transposed=True) for rank in (1, 2, 3)},
}
"""Operators with an argument that is their weight: counted whatever they read."""

OPERANDS = frozenset(("input", "input1", "input2", "query", "key", "value", "hx"))
"""Arguments that are multiplied with a layer's weight or each other, parameters or not."""

PRODUCTS: dict[str, Rule] = {
    "mm": rules.product,
    "bmm": rules.product,
    "addmm": partial(rules.product, a="mat1"),
    "baddbmm": partial(rules.product, a="batch1", b="batch2"),
    "matmul": partial(rules.product, b="other"),
    "mv": partial(rules.product, b="vec"),
    "addmv": partial(rules.product, a="mat", b="vec"),
    "addbmm": partial(rules.product, a="batch1", b="batch2"),
    "dot": partial(rules.product, b="tensor"),
    "vdot": partial(rules.product, b="other"),
    "inner": rules.inner,
    "einsum": rules.einsum,
    "tensordot": rules.tensordot,
    "cdist": rules.distances,
    "scaled_dot_product_attention": rules.attention,
}
"""Other matrix products."""

_SAME = "relu relu6 hardtanh leaky_relu prelu sigmoid hardsigmoid tanh elu silu hardswish gelu softplus mish"
_ACTIVATIONS = {name: name for name in _SAME.split()} | {
    "_prelu_kernel": "prelu", "rrelu": "leaky_relu", "threshold": "relu", "selu": "elu", "celu": "elu",
    "log_sigmoid": "softplus", "hardshrink": "relu6", "softshrink": "relu6",
}  # fmt: skip
_NORMS = {
    "batch_norm": "batch",
    "instance_norm": "batch",
    "layer_norm": "layer",
    "group_norm": "group",
    "rms_norm": "rms",
}
_ELEMENTWISE = {
    1.0: "floor_divide remainder fmod abs pow square sqrt rsqrt reciprocal exp exp2 expm1 log log2 log10 log1p sin cos"
    " tan asin acos atan atan2 sinh cosh erf erfc maximum minimum clamp_min clamp_max cumprod nan_to_num"
    " hypot erfinv lgamma digamma heaviside cummax cummin",
    2.0: "addcmul addcdiv clamp clip logaddexp addr sinc",
    3.0: "lerp logit cross linalg_cross",
}
_SUMS = "add sub rsub subtract neg sign floor ceil round trunc frac where masked_fill cumsum diff"
_SCALED = "mul multiply div divide true_divide outer ger kron"
_REDUCTIONS = {
    1.0: "mean sum trace nansum nanmean amax amin max min prod argmax argmin any all",
    2.0: "norm linalg_vector_norm count_nonzero",
    4.0: "var std var_mean std_mean logsumexp",
}
_RESIZES = {
    "upsample_linear1d": 2, "upsample_bilinear2d": 4, "_upsample_bilinear2d_aa": 4, "upsample_trilinear3d": 8,
    "upsample_bicubic2d": 16, "_upsample_bicubic2d_aa": 16,
}  # fmt: skip
_COMPARED = {"linalg_vecdot": 2.0, "dist": 3.0, "pairwise_distance": 4.0, "cosine_similarity": 6.0}

VECTOR: dict[str, Rule] = {
    **{name: partial(rules.activation, function=function) for name, function in _ACTIVATIONS.items()},
    **{name: partial(rules.norm, style=style) for name, style in _NORMS.items()},
    **{n: partial(rules.elementwise, flops=flops) for flops, names in _ELEMENTWISE.items() for n in names.split()},
    **dict.fromkeys(_SUMS.split(), partial(rules.elementwise, product=False)),
    **dict.fromkeys(_SCALED.split(), rules.scaled),
    **{n: partial(rules.reduction, flops=flops) for flops, names in _REDUCTIONS.items() for n in names.split()},
    **{name: partial(rules.compared, flops=flops) for name, flops in _COMPARED.items()},
    **{name: partial(rules.resize, taps=taps) for name, taps in _RESIZES.items()},
    **{f"{kind}_pool{rank}d": partial(rules.pooling, rank=rank) for kind in ("avg", "max") for rank in (1, 2, 3)},
    **{f"max_pool{rank}d_with_indices": partial(rules.pooling, rank=rank) for rank in (1, 2, 3)},
    **{f"adaptive_{kind}_pool{rank}d": rules.reduction for kind in ("avg", "max") for rank in (1, 2, 3)},
    **dict.fromkeys(("softmax", "_softmax", "log_softmax", "_log_softmax", "special_softmax"), rules.softmax),
    **dict.fromkeys(("_weight_norm", "_weight_norm_interface"), partial(rules.elementwise, flops=4.0)),
    "col2im": rules.reduction,
    "glu": rules.glu,
    "grid_sampler": rules.grid_sample,
}
"""Operators element by element."""

ORDERINGS = frozenset(("sort", "argsort", "topk", "histc", "bincount", "searchsorted", "unique2"))
"""Operators that compare as often as their data asks: bookkeeping on integers, not counted on real numbers."""

_RANDOM = (
    "rand randn randint randperm rand_like randn_like randint_like normal bernoulli multinomial poisson"
    " exponential uniform geometric log_normal cauchy"
)
RANDOM = frozenset(_RANDOM.split())
"""Operators whose result is new in every pass, though nothing is computed."""

_COPIES = """
    repeat tile repeat_interleave index index_select gather take_along_dim
    masked_select roll flip rot90 pad constant_pad_nd reflection_pad1d reflection_pad2d replication_pad1d
    replication_pad2d pixel_shuffle pixel_unshuffle channel_shuffle im2col tril triu upsample_nearest1d
    upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d
    _upsample_nearest_exact3d one_hot diag diag_embed block_diag
"""
_JOINS = "cat concat concatenate stack hstack vstack clone"
_WRITES = "copy slice_scatter select_scatter index_put index_copy scatter"
_ADDS = "scatter_add scatter_reduce index_add"
REPEATS = frozenset(("repeat", "tile", "repeat_interleave"))
"""Copies whose elements a later kernel that knows of the repetition, as attention does, reads once."""
WRITES = frozenset((*_WRITES.split(), *_ADDS.split()))
COPIES: dict[str, Rule] = {
    **dict.fromkeys(_COPIES.split(), rules.copied),
    **dict.fromkeys(_JOINS.split(), rules.joined),
    **dict.fromkeys(_WRITES.split(), rules.written),
    **dict.fromkeys(_ADDS.split(), rules.added),
}
"""Operators that move data, without arithmetic unless they add; `WRITES` into a tensor that stays."""

RULES = LAYERS | PRODUCTS | VECTOR | COPIES

_FREE = """
    unsafe_chunk unsafe_split meshgrid fill zero _to_copy type_as lift_fresh_copy dropout feature_dropout alpha_dropout
    native_dropout arange linspace zeros ones full empty zeros_like ones_like full_like empty_like new_zeros new_ones
    new_full new_empty scalar_tensor eye bucketize eq ne lt le gt ge logical_and logical_or logical_xor logical_not
    bitwise_and bitwise_or bitwise_xor bitwise_not __and__ __or__ __xor__ isnan isinf isfinite is_floating_point
    sym_size sym_numel sym_stride sym_storage_offset item _local_scalar_dense sym_constrain_range
    sym_constrain_range_for_size _assert_scalar _assert_tensor_metadata _assert_async broadcast_tensors
    _has_compatible_shallow_copy_type
"""
MOVEMENT = frozenset(_FREE.split()) | COPIES.keys()
"""Copies, and what converts, compares or creates for free, beside operators whose schema says that they give a view."""
