"""The torch importer against torch's own counts, and against what it must leave alone."""

import inspect
import sys
import time
from functools import partial
from pathlib import Path

import box_operators
import psutil
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from costmodel.estimators.footprint import peak_activation_bytes
from costmodel.importers import torch_export
from costmodel.precision import W32A32
from costmodel.workload import Op, Window, Workload, ops

LAYERS = (nn.Linear, nn.Embedding, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d)


def total(workload: Workload, quantity: str) -> float:
    return float(sum(getattr(op, quantity) for op in workload.ops))


def counted_flops(module: nn.Module, *inputs: Tensor) -> int:
    """torch's count; its counter does not know the CPU's fused attention, so that is computed by matrix products."""
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        module.eval()(*inputs)
    return counter.get_total_flops()


def assert_counts_like_torch(module: nn.Module, *inputs: Tensor) -> Workload:
    workload = torch_export.read(module, inputs, strict=True)
    assert total(workload, "flops") == counted_flops(module, *inputs)
    assert total(workload, "params") == sum(p.numel() for p in module.parameters())
    names = {op.name for op in workload.ops}
    assert {name for name, part in module.named_modules() if isinstance(part, LAYERS)} <= names
    return workload


class Residual(nn.Module):
    def __init__(self, channels: int, **conv: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding="same", bias=False, **conv)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.conv2(self.relu(self.bn1(self.conv1(x)))) + x)


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 7, stride=2, padding=3),
        nn.MaxPool2d(3, 2, 1),
        nn.Sequential(Residual(16), Residual(16, groups=4), Residual(16, groups=16), Residual(16, dilation=2)),
        nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1, groups=2),
        nn.Hardswish(),
        nn.Upsample(scale_factor=2),
        nn.AvgPool2d(2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(8, 10),
    )


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 32)
        self.position = nn.Parameter(torch.zeros(1, 12, 32))
        self.encoder = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
        self.decoder = nn.TransformerDecoderLayer(32, 4, 64, batch_first=True, norm_first=True, activation="gelu")
        self.head = nn.Linear(32, 50, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens) + self.position
        return self.head(self.decoder(x[:, :5], self.encoder(x)))


class Block(nn.Module):
    """Products written out: slices of one parameter, einsum, bmm, matrices on the left."""

    def __init__(self) -> None:
        super().__init__()
        self.qk = nn.Parameter(torch.zeros(2, 24, 24))
        self.experts_weight = nn.Parameter(torch.zeros(3, 24, 16))
        self.mix = nn.Parameter(torch.zeros(7, 7))
        self.out_weight = nn.Parameter(torch.zeros(24, 48))
        self.volume = nn.Conv3d(1, 2, (1, 3, 3), bias=False)
        self.line = nn.Conv1d(24, 24, 5, padding=2, groups=6)

    def forward(self, x: Tensor) -> Tensor:
        q, k = x @ self.qk[0], F.linear(x, self.qk[1])
        scores = torch.einsum("b i d, b j d -> b i j", q, k).softmax(-1)
        mixed = self.mix @ (scores @ x)
        expert = torch.bmm(mixed.reshape(1, -1, 24).expand(3, -1, -1), self.experts_weight)
        gathered = torch.einsum("...k,kn->...n", expert.permute(1, 0, 2).reshape(2, 7, 48), self.out_weight.t())
        x = torch.baddbmm(gathered, scores, gathered) + self.line(gathered.mT).mT
        return torch.addmm(x.new_zeros(24), x[0], self.qk[0]) + self.volume(x[:, None, None]).sum()


@pytest.mark.parametrize(
    ("build", "inputs"),
    [
        (cnn, (torch.zeros(2, 3, 32, 32),)),
        (Transformer, (torch.zeros(3, 12, dtype=torch.long),)),
        (Block, (torch.zeros(2, 7, 24),)),
    ],
)
def test_flops_params_and_layer_names_are_torchs(build, inputs):
    assert_counts_like_torch(build(), *inputs)


@pytest.fixture
def llama():
    """Hugging Face's Llama."""
    box_operators.declare()
    from transformers import LlamaConfig, LlamaForCausalLM

    return lambda **config: LlamaForCausalLM(LlamaConfig(**config))


TINY = {
    "vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2,
}  # fmt: skip
LLAMA_3_8B = {
    "vocab_size": 128256, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8,
}  # fmt: skip


@pytest.mark.parametrize("variant", [{"tie_word_embeddings": True}, {}, {"attn_implementation": "eager"}])
def test_a_hugging_face_llama_counts_like_torch(llama, variant):
    workload = assert_counts_like_torch(llama(**TINY, **variant), torch.zeros(3, 8, dtype=torch.long))
    norm = workload.op("model.layers.1.input_layernorm")
    assert norm == ops.norm(norm.name, 3 * 8 * 32, 32, style="rms", bias=False, inputs=("model.layers.0.add_1",))
    stored = workload.op("model.embed_tokens").weight_elements
    assert stored == (0 if "tie_word_embeddings" in variant else 64 * 32)


def test_attention_of_a_hugging_face_llama_is_grouped_and_causal(llama):
    workload = torch_export.read(llama(**TINY), {"input_ids": torch.zeros(3, 8, dtype=torch.long)})
    found = workload.op("model.layers.0.self_attn.scaled_dot_product_attention")
    module = "model.layers.0.self_attn"
    expected = ops.attention(
        found.name, 3, queries=8, keys=8, heads=4, kv_heads=2, head_dim=8, causal=True,
        inputs=(f"{module}.add", f"{module}.cat_2", f"{module}.cat_3"),  # the cache's results
    )  # fmt: skip
    assert found == expected
    assert workload.batch == 3


@pytest.mark.long
def test_a_model_of_8e9_parameters_is_read_on_the_meta_device(llama):
    with torch.device("meta"):
        module = llama(**LLAMA_3_8B)
    before, start = psutil.Process().memory_info().rss, time.perf_counter()
    workload = torch_export.read(module, {"input_ids": torch.zeros(1, 2048, dtype=torch.long)}, strict=True)
    assert time.perf_counter() - start < 30
    assert psutil.Process().memory_info().rss - before < 2e9
    assert total(workload, "params") == sum(p.numel() for p in module.parameters()) == 8030261248
    linear = 2048 * (8030261248 - 128256 * 4096 - 65 * 4096)
    assert total(workload, "macs") == linear + 32 * 2 * 2048 * 2048 * 4096
    assert {op.name for op in workload.ops} >= {n for n, m in module.named_modules() if isinstance(m, nn.Linear)}


@settings(max_examples=25, deadline=None)
@given(
    groups=st.sampled_from([1, 2, 4]), width=st.sampled_from([1, 3]), kernel=st.tuples(*[st.integers(1, 3)] * 2),
    stride=st.integers(1, 3), dilation=st.integers(1, 2), transposed=st.booleans(),
)  # fmt: skip
def test_any_convolution_counts_like_torch(groups, width, kernel, stride, dilation, transposed):
    build = nn.ConvTranspose2d if transposed else nn.Conv2d
    conv = build(4 * width, 8, kernel, stride=stride, dilation=dilation, groups=groups)
    x = torch.zeros(2, 4 * width, 9, 11)
    op = assert_counts_like_torch(nn.Sequential(conv), x).op("0")
    assert op.kind == ("conv_transpose" if transposed else "conv")
    if not transposed:
        expected = ops.conv(
            "0", 2, 4 * width, 8, input_size=(9, 11), kernel=kernel, stride=(stride, stride),
            dilation=(dilation, dilation), groups=groups, bias=True, inputs=("input",),
        )  # fmt: skip
        assert op == expected


class Apply(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Tensor) -> Tensor:
        return self.function(*args)


def only_op(function, *shapes: tuple[int, ...]) -> Op:
    workload = torch_export.read(Apply(function), tuple(torch.zeros(shape) for shape in shapes), strict=True)
    (op,) = workload.ops
    return op


@pytest.mark.parametrize(
    "name", ["relu", "relu6", "leaky_relu", "silu", "hardswish", "hardsigmoid", "gelu", "softplus", "elu"]
)
def test_activations_have_the_flops_of_their_constructor(name):
    found = only_op(getattr(F, name), (2, 5))
    assert found == ops.activation(name, 10, function=name, inputs=("args_0",))


@pytest.mark.parametrize(
    ("function", "kind", "vector_flops", "inputs", "outputs"),
    [
        (lambda a, b: a + b, "elementwise", 10, 20, 10),
        (lambda a, b: a * b[:1], "elementwise", 10, 15, 10),
        (lambda a: torch.rsub(a, 1.0), "elementwise", 10, 10, 10),
        (lambda a: a.mean(1), "pooling", 10, 10, 2),
        (lambda a: torch.linalg.vector_norm(a), "pooling", 20, 10, 1),
        (lambda a: F.log_softmax(a, 0), "softmax", 50, 10, 10),
        (lambda a: F.layer_norm(a, (5,)), "norm", 80, 10, 10),
        (lambda a: F.rms_norm(a, (5,)), "norm", 50, 10, 10),
        (lambda a: F.glu(a, 0), "activation", 25, 10, 5),
        (lambda a: F.max_pool1d(a[None], 2), "pooling", 8, 10, 4),
        (lambda a: F.interpolate(a[None, None], size=(4, 10), mode="bilinear"), "elementwise", 7 * 40, 10, 40),
        (lambda a, b: F.cosine_similarity(a, b), "pooling", 60, 20, 2),
        (lambda a, b: torch.kron(a, b), "elementwise", 100, 20, 100),
        (lambda a: a.new_zeros(3, 5).index_add(0, torch.arange(2), a), "elementwise", 10, 10, 10),
        (lambda a: a.new_zeros(2, 5).scatter_add(0, torch.zeros(2, 5).long(), a), "elementwise", 10, 10, 10),
        (lambda a: a + torch.rand_like(a), "elementwise", 10, 20, 10),
        (lambda a: F.dropout(a, 0.5).t().reshape(10).neg_(), "elementwise", 10, 10, 10),
    ],
)
def test_vector_ops(function, kind, vector_flops, inputs, outputs):
    op = only_op(function, *[(2, 5)] * len(inspect.signature(function).parameters))
    assert (op.kind, op.vector_flops, op.input_elements, op.output_elements) == (kind, vector_flops, inputs, outputs)
    assert op.macs == op.params == 0


def test_a_pooling_has_its_window():
    assert only_op(partial(F.max_pool2d, kernel_size=3, stride=2), (1, 4, 9, 11)).window == Window(3, 3, 2, 2, 9, 11)
    assert only_op(partial(F.avg_pool1d, kernel_size=2), (4, 9)).window == Window(1, 2, 1, 2, 1, 9)
    around = only_op(partial(F.max_pool2d, kernel_size=3, stride=2, padding=1), (1, 4, 9, 11)).window
    assert around == Window(3, 3, 2, 2, 9, 11, 1, 1, 1, 1, 1, 1)
    rounded = only_op(partial(F.max_pool2d, kernel_size=3, stride=2, ceil_mode=True), (1, 4, 9, 12)).window
    assert rounded == Window(3, 3, 2, 2, 9, 12, 1, 1, 0, 0, 0, 1)


@pytest.mark.parametrize(
    ("padding", "kernel", "around"),
    [((1, 2), 3, (1, 2, 1, 2)), ("same", 4, (1, 1, 2, 2)), ("valid", 3, (0, 0, 0, 0)), (0, 1, (0, 0, 0, 0))],
)
def test_a_convolution_has_its_padding(padding, kernel, around):
    w = only_op(nn.Conv2d(2, 4, kernel, padding=padding), (1, 2, 9, 11)).window
    assert (w.padding_top, w.padding_left, w.padding_bottom, w.padding_right) == around
    assert (w.kernel_height, w.output_height) == (kernel, 9 + around[0] + around[2] - kernel + 1)


@pytest.mark.parametrize(
    ("function", "a", "b", "macs"),
    [
        (torch.inner, (3, 6), (4, 6), 3 * 6 * 4),
        (torch.vdot, (6,), (6,), 6),
        (torch.chain_matmul, (3, 6), (6, 2), 3 * 6 * 2),
        (lambda a, b: torch.addbmm(a[0], a, b), (5, 4, 4), (5, 4, 4), 5 * 4 * 4 * 4),
        (lambda a, b: torch.addmv(b, a, b), (6, 6), (6,), 6 * 6),
    ],
)
def test_products_by_other_names(function, a, b, macs):
    op = only_op(lambda x, y: function(x, y), a, b)
    assert (op.kind, op.macs) == ("matmul", macs)


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]),
        ("bhqd,bhkd", [(2, 3, 4, 5), (2, 3, 6, 5)]),
        ("...ij,kj->...ik", [(2, 3, 4, 5), (6, 5)]),
        ("bcn,ncd->bnd", [(2, 3, 4), (4, 3, 5)]),
        ("abc,abc->a", [(2, 3, 4), (2, 3, 4)]),
    ],
)
def test_einsums_count_like_torch(equation, shapes):
    module = Apply(partial(torch.einsum, equation))
    op = only_op(module.function, *shapes)
    assert (op.kind, op.flops) == ("matmul", counted_flops(module, *map(torch.zeros, shapes)))


def test_einsums_that_are_no_product():
    assert only_op(partial(torch.einsum, "i,j->ij"), (3,), (4,)) == ops.elementwise(
        "einsum", 12, operands=7 / 12, product=True, inputs=("args_0", "args_1")
    )
    diagonal = Apply(partial(torch.einsum, "iij,jk->ik"))
    with pytest.raises(ValueError, match=r"Apply has parts that are not counted: einsum .*no product of two tensors"):
        only_op(diagonal.function, (3, 3, 4), (4, 5))


def test_what_is_drawn_anew_in_every_pass_is_no_constant():
    workload = torch_export.read(Apply(lambda x: x + torch.randn(4, 4) @ torch.ones(4, 4)), torch.zeros(4, 4))
    assert [(op.kind, op.inputs) for op in workload.ops] == [
        ("matmul", ("random",)),
        ("elementwise", ("args_0", "matmul")),
    ]


@pytest.mark.parametrize(("queries", "keys", "kept"), [(6, 6, 21 / 36), (2, 6, 3 / 12), (6, 2, 11 / 12)])
def test_a_causal_attention_keeps_the_scores_that_torch_keeps(queries, keys, kept):
    grouped = partial(F.scaled_dot_product_attention, is_causal=True, enable_gqa=True)
    op = only_op(grouped, (2, 8, queries, 16), (2, 4, keys, 16), (2, 4, keys, 24))
    assert op.macs == 2 * 8 * queries * keys * (16 + 24)
    assert op.mask_density == pytest.approx(kept, rel=1e-12)
    assert op.input_elements == 2 * (8 * queries * 16 + 4 * keys * 40)
    ones = torch.ones(queries, keys).tril()
    assert ones.mean() == pytest.approx(kept)


def test_an_additive_mask_that_no_input_changes_is_evaluated():
    def attend(x: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(x, x, x, torch.full((8, 8), -torch.inf).triu(1) * 1.0)

    def masked_by_input(x: Tensor, mask: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(x, x, x, mask)

    assert only_op(attend, (1, 2, 8, 4)).mask_density == 36 / 64
    assert only_op(masked_by_input, (1, 2, 8, 4), (8, 8)).mask_density == 1


class Reused(nn.Module):
    """One layer run three times, one table read as embedding and as head, one norm shared."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 8)
        self.layer = nn.Linear(8, 8)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 20, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)
        for rows in (6, 6, 3):
            x = self.norm(self.layer(x[:, :rows]))
        return self.head(x)


def test_parameters_that_are_used_again_count_once():
    workload = assert_counts_like_torch(Reused(), torch.zeros(2, 6, dtype=torch.long))
    layer = workload.op("layer")
    assert (layer.count, layer.m, layer.params) == (3, pytest.approx(10), 72)
    assert [(op.name, op.count, op.params) for op in workload.ops if op.kind == "norm"] == [("norm", 3, 16)]
    assert workload.op("head").weight_elements == 160
    assert workload.op("embed") == ops.embedding("embed", 12, 20, 8, shares="head", inputs=("tokens",))


def test_weights_computed_from_parameters_are_those_of_the_layer():
    module = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, 4)))
    op = assert_counts_like_torch(module, torch.zeros(3, 6)).op("0")
    assert (op.weight_elements, op.vector_elements) == (24, 8)


def test_routed_experts_are_one_op_a_projection(llama):
    from transformers import MixtralConfig, MixtralForCausalLM

    module = MixtralForCausalLM(MixtralConfig(**TINY, num_local_experts=4, num_experts_per_tok=2))
    workload = torch_export.read(module, {"input_ids": torch.zeros(2, 8, dtype=torch.long)})
    up = workload.op("model.layers.0.mlp.experts.gate_up_proj")
    assert up.kind == "experts"
    assert up.macs == pytest.approx(2 * 8 * 2 * 32 * 128, rel=1e-12)
    assert total(workload, "params") == sum(p.numel() for p in module.parameters())
    assert {name.split()[0].rpartition(".")[2] for name in workload.uncounted} == {"topk", "histc"}


class Shortcut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.a(x).view(2, 2, 2).transpose(1, 2).flatten(1)
        return self.b(y) + y, x + 1


def test_ops_read_through_data_movement_and_outputs_are_named():
    workload = torch_export.read(Shortcut(), torch.zeros(2, 4), name="shortcut")
    assert [(op.name, op.inputs) for op in workload.ops] == [
        ("a", ("x",)), ("b", ("a",)), ("add", ("b", "a")), ("add_1", ("x",)),
    ]  # fmt: skip
    assert workload.outputs == ("add", "add_1")
    assert (workload.name, workload.batch) == ("shortcut", 2)
    assert peak_activation_bytes(workload, W32A32) == 4 * 4 * 8


class Odd(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(8, 8)
        self.spare = nn.Linear(3, 3, bias=False)
        self.scale = nn.Parameter(torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.fft(self.inner(x) * 2, norm="ortho").real * torch.cumsum(self.scale, 0)


class Moving(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)
        self.up = nn.Upsample(scale_factor=16)
        self.pad = nn.ZeroPad2d(4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        small = self.conv(x)
        large = self.up(small)
        both = self.pad(torch.cat([large, large], 1))[:, :, 4:-4, 4:-4]
        return both.roll(3, 2).transpose(1, 2), F.unfold(small, 3)


def test_data_that_is_moved_counts_as_traffic_and_memory():
    workload = torch_export.read(Moving(), torch.zeros(8, 8, 32, 32), strict=True)
    small, large, padded = 8 * 8 * 32**2, 8 * 8 * 512**2, 8 * 16 * 520**2
    found = {op.name: (op.input_elements, op.output_elements) for op in workload.ops if op.name != "conv"}
    assert found == {
        "up": (small, large),
        "cat": (2 * large, 2 * large),
        "pad": (2 * large, padded),
        "roll": (2 * large, 2 * large),
        "im2col": (small, 8 * 72 * 30**2),
    }
    assert {op.kind for op in workload.ops} == {"conv", "elementwise"}
    assert not any(op.vector_flops for op in workload.ops)
    assert workload.op("cat").inputs == ("up",)
    assert peak_activation_bytes(workload, W32A32) >= 4 * (2 * large + padded)


def test_what_indices_pick_and_what_is_written_moves_that_much():
    class Picks(nn.Module):
        def forward(self, x: Tensor, rows: Tensor) -> Tensor:
            kept = x.clone()
            kept[:, :2] = x[:, 2:4] * 2
            return torch.cat([x[rows], x.gather(0, rows[:, None].expand(3, 8)), kept])

    workload = torch_export.read(Picks(), (torch.zeros(100, 8), torch.zeros(3, dtype=torch.long)), strict=True)
    found = {op.name: (op.input_elements, op.output_elements) for op in workload.ops}
    assert found["clone"] == (800, 800)
    assert found["index"] == found["gather"] == (24, 24)
    assert found["copy"] == (200, 200)
    assert set(workload.op("cat").inputs) >= {"index", "gather", "clone"}


class Solved(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(16))

    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.solve(self.weight, x, left=False)


def test_parameters_of_what_is_not_counted_are_parameters():
    net = nn.Sequential(nn.Linear(16, 16), Solved(), nn.ReLU())
    workload = torch_export.read(net, torch.zeros(4, 16))
    assert workload.uncounted == ("1.linalg_solve (aten.linalg_solve.default)",)
    assert total(workload, "params") == sum(p.numel() for p in net.parameters())
    row = workload.op("1.linalg_solve")
    assert (row.macs, row.params, row.output_elements) == (0, 256, 4 * 16)
    assert workload.ops[-1].inputs == ("1.linalg_solve",)


def test_what_is_not_understood_is_listed_and_strict_refuses_it():
    workload = torch_export.read(Odd(), torch.zeros(2, 8))
    assert workload.uncounted == (
        "fft_fft (aten.fft_fft.default)",
        "spare.weight (parameter: no op reads 9 of its 9 elements)",
    )
    assert [op.name for op in workload.ops] == ["inner", "mul", "mul_1"]
    with pytest.raises(
        ValueError, match=r"^Odd has parts that are not counted: fft_fft \(aten.fft_fft.default\), spare"
    ):
        torch_export.read(Odd(), torch.zeros(2, 8), strict=True)


def test_the_module_is_left_as_it_is():
    class Counter(nn.Module):
        calls = 0

        def __init__(self) -> None:
            super().__init__()
            self.bn, self.drop = nn.BatchNorm1d(4), nn.Dropout()
            self.scale = torch.ones(4)

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return self.drop(self.bn(x)) * self.scale

    module = Counter().train()
    module.drop.eval()
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    pointers = [tensor.data_ptr() for tensor in module.state_dict().values()]
    forward = module.forward
    workload = torch_export.read(module, torch.zeros(2, 4))
    assert (module.training, module.bn.training, module.drop.training) == (True, True, False)
    assert [tensor.data_ptr() for tensor in module.state_dict().values()] == pointers
    assert all(torch.equal(tensor, state[name]) for name, tensor in module.state_dict().items())
    assert module.calls == 0
    assert module.forward == forward
    assert workload.op("bn") == ops.norm("bn", 8, 4, style="batch", inputs=("x",))


class Branching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 2 if x.sum() > 0 else x


def test_a_module_that_cannot_be_exported_is_one_clear_line(capfd):
    with pytest.raises(ValueError, match=r"^torch.export cannot trace Branching: \w+: [^\n]+$"):
        torch_export.read(Branching(), torch.zeros(3))
    with pytest.raises(ValueError, match=r"^torch.export cannot trace Linear: [^\n]+$"):
        torch_export.read(nn.Linear(3, 4), torch.zeros(2, 5))
    with pytest.raises(ValueError, match=r"^module must be a torch\.nn\.Module, got int$"):
        torch_export.read(3, torch.zeros(2, 5))
    with pytest.raises(ValueError, match="Identity has no op that costs anything"):
        torch_export.read(nn.Identity(), torch.zeros(2))
    assert capfd.readouterr().err == ""


def test_shapes_that_depend_on_data_are_listed():
    def selected(x: Tensor) -> Tensor:
        return x[x > 0].exp() + 1

    workload = torch_export.read(Apply(lambda x: (x.relu(), selected(x))), torch.zeros(5))
    assert [op.name for op in workload.ops] == ["relu"]
    assert workload.uncounted == (
        "index (aten.index.Tensor: the shape is not known)",
        "exp (aten.exp.default: the shape is not known)",
        "add (aten.add.Tensor: the shape is not known)",
    )


def test_a_graph_that_runs_once_is_read_in_place():
    def both(x: Tensor) -> Tensor:
        with torch.no_grad():
            return x @ x

    assert [op.kind for op in torch_export.read(Apply(both), torch.zeros(4, 4), strict=True).ops] == ["matmul"]


class Either(nn.Module):
    """Conditions in conditions: the branch with more products has a layer of its own, as the other has."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.three = (nn.Linear(8, 8) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        def inner(y: Tensor) -> Tensor:
            return torch.cond(y.sum() > 1, lambda a: self.three(a), lambda a: a.sin(), (y,))

        return torch.cond(x.sum() > 0, lambda a: self.one(a), lambda a: inner(self.two(a)), (x,))


def test_of_a_condition_the_branch_with_more_products_is_read():
    workload = torch_export.read(Either(), torch.zeros(4, 8), strict=True)
    layers = {op.name: op.macs for op in workload.ops if op.macs}
    assert layers == {"two": 256, "three": 256}
    assert sum(op.params for op in workload.ops) == 3 * 72
    assert workload.covers.endswith("; of cond, cond the branch with more MACs")
    assert workload.outputs == ("three",)


def test_loops_over_graphs_are_listed():
    def counted(x: Tensor) -> Tensor:
        return torch._higher_order_ops.while_loop(lambda a: a.sum() > 0, lambda a: (a @ a,), (x,))[0]

    workload = torch_export.read(Apply(lambda x: counted(x).relu()), torch.zeros(4, 4))
    assert [name.split()[0] for name in workload.uncounted] == ["while_loop"]


GOOD = """
import torch
def build():
    return torch.nn.Linear(2, 3), (torch.zeros(1, 2),)
def with_data():
    return [*build(), {"test": 1}]
def bare():
    return torch.nn.Linear(2, 3)
def broken():
    raise RuntimeError("no such file\\nand more")
def exits():
    raise SystemExit(7)
def caused():
    try:
        raise RuntimeError("operator torchvision::nms does not exist")
    except RuntimeError as error:
        raise ImportError("no model class") from error
number = 3
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "importable_model.py").write_text(GOOD)
    (tmp_path / "broken_model.py").write_text("import no_such_package_at_all\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    yield
    sys.modules.pop("importable_model", None)


def test_load_calls_a_callable_of_the_current_directory(here):
    loaded = torch_export.load("importable_model:build")
    assert total(torch_export.read(loaded.module, loaded.inputs), "macs") == 6
    assert loaded.data is None
    module, _, data = torch_export.load("importable_model:with_data")
    assert isinstance(module, nn.Linear)
    assert data == {"test": 1}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("importable_model", r"^a torch model is spelled torch:module:callable, got 'importable_model'$"),
        (
            "no_such_model:build",
            r"^cannot import 'no_such_model': ModuleNotFoundError: No module named 'no_such_model'$",
        ),
        ("broken_model:build", r"^cannot import 'broken_model': .*No module named 'no_such_package_at_all'$"),
        (
            "importable_model:built",
            r"^unknown callable of importable_model 'built'; did you mean build\?$",
        ),
        (
            "importable_model:number",
            r"^unknown callable of importable_model 'number'; known: bare, broken, build, caused, exits, with_data$",
        ),
        ("importable_model:exits", r"^importable_model:exits\(\) failed: SystemExit: 7$"),
        ("importable_model:broken", r"^importable_model:broken\(\) failed: RuntimeError: no such file$"),
        (
            "importable_model:caused",
            r"failed: ImportError: no model class \(RuntimeError: operator .*\); torchvision is built",
        ),
        (
            "importable_model:bare",
            r"^importable_model:bare\(\) must return \(module, example inputs\) or .*, got Linear$",
        ),
    ],
)
def test_load_says_in_one_line_what_is_wrong(here, target, message):
    with pytest.raises(ValueError, match=message):
        torch_export.load(target)
