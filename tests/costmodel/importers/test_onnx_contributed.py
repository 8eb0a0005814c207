"""What ONNX Runtime writes in its own domain, against the plain operators that it stands for."""

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic

from costmodel.importers import _isolated, _onnx_infer, _onnx_rules, onnx_graph

HALF = TensorProto.FLOAT16


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Shapes are inferred here, not in a process of their own, which takes longer than all else."""
    monkeypatch.setattr(_isolated, "run", lambda _, data, **__: _onnx_infer.infer(data))


def node(kind, inputs, outputs, name="", domain="com.microsoft", **flags):
    return helper.make_node(kind, inputs, outputs, name, domain=domain, **flags)


def declared(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def stored(**shapes):
    rng = np.random.default_rng(0)
    return [
        numpy_helper.from_array(rng.normal(size=s).astype(np.float32), n.replace("__", ".")) for n, s in shapes.items()
    ]


def saved(path, nodes, inputs, tensors, outputs=("y",), opset=17):
    graph = helper.make_graph(nodes, "g", inputs, [declared(name, None) for name in outputs], tensors)
    versions = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=versions, ir_version=10), path)
    return path


def optimised(plain, path):
    """The file that ONNX Runtime's optimiser makes of another."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(plain, options, providers=["CPUExecutionProvider"])
    return path


def block(path, gelu):
    """Two layers around an activation, a residual sum and its norm, as torch's exporter names them."""
    nodes = [
        node("MatMul", ["x", "w1"], ["a"], "/l/fc1/MatMul", ""),
        node("Add", ["l.fc1.bias", "a"], ["b"], "/l/fc1/Add", ""),
        *gelu,
        node("MatMul", ["g", "w2"], ["c"], "/l/fc2/MatMul", ""),
        node("Add", ["l.fc2.bias", "c"], ["d"], "/l/fc2/Add", ""),
        node("Add", ["x", "d"], ["s"], "/l/Add", ""),
        node(
            "LayerNormalization",
            ["s", "l.norm.weight", "l.norm.bias"],
            ["y"],
            "/l/norm/LayerNormalization",
            "",
            axis=-1,
        ),
    ]
    tensors = stored(
        w1=(16, 32), l__fc1__bias=(32,), w2=(32, 16), l__fc2__bias=(16,), l__norm__weight=(16,), l__norm__bias=(16,)
    )
    half, root = (numpy_helper.from_array(np.array(v, np.float32), n) for n, v in (("half", 0.5), ("root", 2**0.5)))
    one = numpy_helper.from_array(np.array(1.0, np.float32), "one")
    return saved(path, nodes, [declared("x", [2, 4, 16])], [*tensors, *((half, root, one) if gelu is ERF else ())])


ERF = [
    node("Div", ["b", "root"], ["e1"], "/l/act/Div", ""),
    node("Erf", ["e1"], ["e2"], "/l/act/Erf", ""),
    node("Add", ["e2", "one"], ["e3"], "/l/act/Add", ""),
    node("Mul", ["b", "e3"], ["e4"], "/l/act/Mul", ""),
    node("Mul", ["e4", "half"], ["g"], "/l/act/Mul_1", ""),
]
RELU = [node("Relu", ["b"], ["g"], "/l/act/Relu", "")]


@pytest.mark.parametrize(
    ("act", "kinds"), [(ERF, {"Gelu", "SkipLayerNormalization"}), (RELU, {"SkipLayerNormalization"})]
)
def test_what_the_optimiser_joins_counts_as_it_did(tmp_path, act, kinds):
    plain = block(tmp_path / "plain.onnx", act)
    path = optimised(plain, tmp_path / "o.onnx")
    assert kinds <= {n.op_type for n in onnx.load(path).graph.node if n.domain == "com.microsoft"}
    found, wanted = onnx_graph.read(path, strict=True), onnx_graph.read(plain, strict=True)
    assert found.batch_of_ops.params.sum() == wanted.batch_of_ops.params.sum()
    assert found.batch_of_ops.macs.sum() == wanted.batch_of_ops.macs.sum()
    named = {op.name: op.macs for op in found.ops if op.kind == "linear"}
    assert named == {op.name: op.macs for op in wanted.ops if op.kind == "linear"} == {"l.fc1": 4096, "l.fc2": 4096}
    (norm,) = (op for op in found.ops if op.kind == "norm")
    (plain_norm,) = (op for op in wanted.ops if op.kind == "norm")
    assert (norm.name, plain_norm.name) == ("l.norm", "l.norm")
    assert norm.vector_flops - plain_norm.vector_flops in (2 * 4 * 16, 2 * 2 * 4 * 16), "one sum, or two with a bias"


def decoder(path, *, packed, past=5, tokens=1, window=-1):
    """One layer as ONNX Runtime's exporter of language models writes it: 4 heads of 8 features, 2 with keys."""
    size = "model.layers.0"
    nodes = [
        node(
            "SimplifiedLayerNormalization",
            ["x", f"{size}.input_layernorm.weight"],
            ["n"],
            "/n",
            "",
            axis=-1,
            epsilon=1e-5,
        ),
        node("MatMul", ["n", f"{size}.q.weight"], ["q"], "/q", ""),
        node("MatMul", ["n", f"{size}.k.weight"], ["k"], "/k", ""),
        node("MatMul", ["n", f"{size}.v.weight"], ["v"], "/v", ""),
    ]
    three = ["q", "k", "v"]
    if packed:
        nodes[1:] = [node("MatMul", ["n", f"{size}.qkv.weight"], ["q"], "/qkv", "")]
        three = ["q", "", ""]
    caches = ["past_k", "past_v", "seen", "total", "cos", "sin"]
    flags = {"num_heads": 4, "kv_num_heads": 2, "do_rotary": 1, "local_window_size": window}
    nodes += [
        node("GroupQueryAttention", [*three, *caches], ["h", "now_k", "now_v"], "/attn/GroupQueryAttention", **flags),
        node("MatMul", ["h", f"{size}.o.weight"], ["o"], "/o", ""),
        node("SkipSimplifiedLayerNormalization", ["x", "o", f"{size}.post.weight"], ["m", "", "", "s"], "/post"),
        node("MatMul", ["m", f"{size}.up.weight"], ["u"], "/up", ""),
        node("Add", ["u", "s"], ["y"], "/add", ""),
    ]
    shapes = {"input_layernorm": (32,), "post": (32,), "o": (32, 32), "up": (32, 32)}
    shapes |= {"qkv": (32, 64)} if packed else {"q": (32, 32), "k": (32, 16), "v": (32, 16)}
    tensors = stored(**{f"model__layers__0__{name}__weight": shape for name, shape in shapes.items()})
    tensors += stored(cos=(64, 4), sin=(64, 4))
    inputs = [declared("x", [1, tokens, 32]), declared("past_k", [1, 2, past, 8]), declared("past_v", [1, 2, past, 8])]
    inputs += [declared("seen", [1, 1], TensorProto.INT32), declared("total", [1], TensorProto.INT32)]
    return saved(path, nodes, inputs, tensors, ("y", "now_k", "now_v"))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("tokens", "past", "window"), [(1, 5, -1), (7, 0, -1), (3, 6, -1), (7, 0, 2)])
def test_a_layer_of_a_language_model_counts_by_hand(tmp_path, packed, tokens, past, window):
    past = max(past, 1)
    path = decoder(tmp_path / "d.onnx", packed=packed, past=past, tokens=tokens, window=window)
    workload = onnx_graph.read(path, strict=True)
    assert workload.batch_of_ops.params.sum() == 32 * 64 + 2 * 32 * 32 + 2 * 32
    (attention,) = (op for op in workload.ops if op.kind == "attention")
    keys = past + tokens
    assert attention.macs == 2 * tokens * keys * 4 * 8
    seen = [min(past + i + 1, window if window > 0 else keys) for i in range(tokens)]
    assert attention.mask_density == pytest.approx(sum(seen) / (tokens * keys))
    assert attention.heads.kv_heads == 2
    assert [op.name for op in workload.ops if op.kind == "norm"] == [
        "model.layers.0.input_layernorm",
        "model.layers.0.post",
    ]
    assert workload.op("model.layers.0.up").output_elements == tokens * 32


def test_the_sum_that_a_norm_gives_too_is_read(tmp_path):
    workload = onnx_graph.read(decoder(tmp_path / "d.onnx", packed=False))
    assert set(workload.ops[-1].inputs) == {"model.layers.0.up", "model.layers.0.post"}


def test_layers_with_their_activation_count_as_apart(tmp_path):
    nodes = [
        node("Conv", ["x", "c.weight", "c.bias"], ["a"], "/c/Conv", ""),
        node("Relu", ["a"], ["b"], "/act/Relu", ""),
        node("Conv", ["b", "d.weight"], ["e"], "/d/Conv", ""),
        node("Add", ["e", "b"], ["s"], "/Add", ""),
        node("Relu", ["s"], ["r"], "/act_1/Relu", ""),
        node("Flatten", ["r"], ["f"], "/Flatten", ""),
        node("Gemm", ["f", "g.weight", "g.bias"], ["h"], "/g/Gemm", "", transB=1),
        node("Sigmoid", ["h"], ["y"], "/act_2/Sigmoid", ""),
    ]
    tensors = stored(c__weight=(8, 3, 1, 1), c__bias=(8,), d__weight=(8, 8, 1, 1), g__weight=(4, 128), g__bias=(4,))
    plain = saved(tmp_path / "p.onnx", nodes, [declared("x", [1, 3, 4, 4])], tensors)
    path = optimised(plain, tmp_path / "o.onnx")
    assert {n.op_type for n in onnx.load(path).graph.node} >= {"FusedConv", "FusedGemm"}
    found, wanted = (onnx_graph.read(p, strict=True) for p in (path, plain))
    assert sorted((op.kind, op.macs, op.params, op.vector_flops) for op in found.ops) == sorted(
        (op.kind, op.macs, op.params, op.vector_flops) for op in wanted.ops
    )


def test_products_that_quantise_their_input_count_as_apart(tmp_path):
    """As the optimiser joins what onnxruntime's dynamic quantiser writes."""
    nodes = [
        node("MatMul", ["x", "w1.weight"], ["a"], "/w1/MatMul", ""),
        node("Add", ["a", "w1.bias"], ["b"], "/w1/Add", ""),
        node("Relu", ["b"], ["r"], "/act/Relu", ""),
        node("MatMul", ["r", "w2.weight"], ["y"], "/w2/MatMul", ""),
    ]
    tensors = stored(w1__weight=(16, 32), w1__bias=(32,), w2__weight=(32, 8))
    plain = saved(tmp_path / "p.onnx", nodes, [declared("x", [2, 4, 16])], tensors)
    quantize_dynamic(plain, tmp_path / "q.onnx")
    path = optimised(tmp_path / "q.onnx", tmp_path / "o.onnx")
    assert {n.op_type for n in onnx.load(path).graph.node} >= {"DynamicQuantizeMatMul"}
    found, wanted = (onnx_graph.read(p, strict=True) for p in (path, tmp_path / "q.onnx"))
    layers = [[(op.macs, op.weight_elements) for op in w.ops if op.kind == "linear"] for w in (found, wanted)]
    assert layers[0] == layers[1] == [(8 * 16 * 32, 512), (8 * 32 * 8, 256)]
    assert found.batch_of_ops.params.sum() == wanted.batch_of_ops.params.sum() == 512 + 256 + 32
    assert [pair for _, pair in found.stated] == ["int8/uint8>bf16"] * 2


@pytest.mark.parametrize("opset", [13, 18])
def test_attention_with_its_projections_is_a_layer_and_heads(tmp_path, opset):
    nodes = [node("Attention", ["x", "w.weight", "w.bias"], ["y"], "/a", num_heads=4, unidirectional=1)]
    tensors = stored(w__weight=(32, 96), w__bias=(96,))
    path = saved(tmp_path / "a.onnx", nodes, [declared("x", [2, 6, 32])], tensors, opset=opset)
    workload = onnx_graph.read(path, strict=True)
    assert [(op.kind, op.macs, op.params) for op in workload.ops] == [
        ("linear", 12 * 32 * 96, 32 * 96),
        ("elementwise", 0, 96),
        ("attention", 2 * 2 * 6 * 6 * 32, 0),
    ]
    assert workload.ops[-1].mask_density == 21 / 36


@pytest.mark.parametrize(("kind", "flops"), [("BiasGelu", 8), ("FastGelu", 8), ("QuickGelu", 6)])
def test_activations_of_the_optimiser(tmp_path, kind, flops):
    nodes = [node(kind, ["x", "b"] if kind != "QuickGelu" else ["x"], ["y"], "/l/act")]
    tensors = stored(b=(16,)) if kind != "QuickGelu" else []
    (op,) = onnx_graph.read(saved(tmp_path / "a.onnx", nodes, [declared("x", [2, 16])], tensors), strict=True).ops
    assert (op.kind, op.vector_flops, op.params) == ("activation", flops * 32, 16 * (kind != "QuickGelu"))


def attention(path, *, kind, opset=23, tokens=6, **flags):
    """Queries, keys and values of 2 sequences of tokens, 4 heads of 8 features."""
    nodes = [node(kind, ["q", "k", "v"], ["y"], "/a", "com.microsoft" if kind != "Attention" else "", **flags)]
    return saved(path, nodes, [declared(name, [2, tokens, 32]) for name in "qkv"], [], opset=opset)


def test_attention_of_several_heads_is_onnx_s_own(tmp_path):
    found = onnx_graph.read(attention(tmp_path / "m.onnx", kind="MultiHeadAttention", num_heads=4))
    own = onnx_graph.read(attention(tmp_path / "a.onnx", kind="Attention", q_num_heads=4, kv_num_heads=4))
    assert [(op.macs, op.vector_flops, op.input_elements, op.heads) for op in found.ops] == [
        (op.macs, op.vector_flops, op.input_elements, op.heads) for op in own.ops
    ]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"num_heads": 3}, "com.microsoft.MultiHeadAttention '/a': 32 features of 3 heads"),
        ({"num_heads": 0}, "0 heads of which 0 have keys"),
        ({}, ""),
    ],
)
def test_heads_that_do_not_fit(tmp_path, flags, told):
    path = attention(tmp_path / "m.onnx", kind="MultiHeadAttention", **flags)
    with pytest.raises(ValueError, match=r"\A[^\n]*\Z") as caught:
        onnx_graph.read(path, strict=True)
    assert told in str(caught.value)


@given(queries=st.integers(1, 9), past=st.integers(0, 9), most=st.integers(1, 12))
def test_causal_queries_see_what_is_before_them(queries, past, most):
    assert _onnx_rules.seen(queries, past, most=most) == sum(min(past + i + 1, most) for i in range(queries))


@pytest.mark.parametrize(
    ("kind", "flags"), [("Attention", {"q_num_heads": 4, "is_causal": 1}), ("MultiHeadAttention", {})]
)
def test_as_many_queries_as_no_loop_ends_over_take_no_time(tmp_path, kind, flags):
    flags |= {"kv_num_heads": 4} if kind == "Attention" else {"num_heads": 4, "unidirectional": 1}
    path = attention(tmp_path / "a.onnx", kind=kind, tokens=2**30, **flags)
    (op,) = onnx_graph.read(path, strict=True).ops
    assert op.mask_density == pytest.approx(0.5)


@pytest.mark.parametrize("heads", [2**60, -4])
def test_a_width_that_no_memory_holds_is_not_tried(tmp_path, heads):
    path = decoder(tmp_path / "d.onnx", packed=True)
    model = onnx.load(path)
    (found,) = (n for n in model.graph.node if n.op_type == "GroupQueryAttention")
    next(a for a in found.attribute if a.name == "num_heads").i = heads
    onnx.save(model, path)
    with pytest.raises(ValueError, match=r"\A[^\n]*\Z"):
        onnx_graph.read(path, strict=True)


def test_a_norm_that_the_optimiser_finds_in_an_older_file_is_read(tmp_path):
    """ONNX has none before version 17; the optimiser writes one all the same, in ONNX' own domain."""
    nodes = [
        node("ReduceMean", ["x"], ["m"], "/n/ReduceMean", "", axes=[-1]),
        node("Sub", ["x", "m"], ["c"], "/n/Sub", ""),
        node("Pow", ["c", "two"], ["q"], "/n/Pow", ""),
        node("ReduceMean", ["q"], ["v"], "/n/ReduceMean_1", "", axes=[-1]),
        node("Add", ["v", "small"], ["e"], "/n/Add", ""),
        node("Sqrt", ["e"], ["r"], "/n/Sqrt", ""),
        node("Div", ["c", "r"], ["d"], "/n/Div", ""),
        node("Mul", ["d", "n.weight"], ["t"], "/n/Mul", ""),
        node("Add", ["t", "n.bias"], ["o"], "/n/Add_1", ""),
        node("MatMul", ["o", "w.weight"], ["y"], "/w/MatMul", ""),
    ]
    numbers = [numpy_helper.from_array(np.array(v, np.float32), n) for n, v in (("two", 2.0), ("small", 1e-5))]
    tensors = [*stored(n__weight=(16,), n__bias=(16,), w__weight=(16, 8)), *numbers]
    plain = saved(tmp_path / "p.onnx", nodes, [declared("x", [2, 4, 16])], tensors, opset=14)
    path = optimised(plain, tmp_path / "o.onnx")
    assert [n.op_type for n in onnx.load(path).graph.node if not n.domain] == ["LayerNormalization", "MatMul"]
    found = onnx_graph.read(path, strict=True)
    assert [(op.kind, op.macs, op.params) for op in found.ops] == [("norm", 0, 32), ("linear", 8 * 16 * 8, 128)]
    assert found.batch_of_ops.params.sum() == onnx_graph.read(plain, strict=True).batch_of_ops.params.sum()


def test_products_with_a_transposed_operand_count_as_apart(tmp_path):
    nodes = [
        node("Transpose", ["k"], ["t"], "/t/Transpose", "", perm=[0, 1, 3, 2]),
        node("MatMul", ["q", "t"], ["s"], "/s/MatMul", ""),
        node("Relu", ["s"], ["y"], "/r/Relu", ""),
    ]
    inputs = [declared("q", [2, 4, 6, 8]), declared("k", [2, 4, 5, 8])]
    plain = saved(tmp_path / "p.onnx", nodes, inputs, ())
    path = optimised(plain, tmp_path / "o.onnx")
    assert onnx.load(path).graph.node[0].op_type == "FusedMatMul"
    found, wanted = (onnx_graph.read(p, strict=True) for p in (path, plain))
    shape = [(op.kind, op.macs, op.output_elements) for op in wanted.ops if op.macs]
    assert [(op.kind, op.macs, op.output_elements) for op in found.ops if op.macs] == shape
    assert shape[0][1] == 2 * 4 * 6 * 5 * 8
    both = [node("FusedMatMul", ["q", "k"], ["y"], "/p", transA=1, transB=1, alpha=0.5)]
    path = saved(tmp_path / "b.onnx", both, [declared("q", [2, 8, 6]), declared("k", [2, 5, 8])], ())
    onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert onnx_graph.read(path, strict=True).batch_of_ops.macs.sum() == 2 * 6 * 5 * 8


def embedded(path, *, segments, places):
    """What BERT embeds, and a layer behind it, fused and as it is."""
    shapes = {
        "word.weight": (30, 16),
        "places.weight": (12, 16),
        "n.weight": (16,),
        "n.bias": (16,),
        "w.weight": (16, 8),
    }
    tables = ["word.weight", "places.weight", "segments.weight" * segments]
    given = ["ids", "segments" * segments, *tables, "n.weight", "n.bias", "", "at" * places]
    fused = node("EmbedLayerNormalization", given, ["e", "mask"], "/e")
    at = "at" if places else "first"
    plain = [
        node("Gather", ["word.weight", "ids"], ["a"], "/word/Gather", ""),
        node("Gather", ["places.weight", at], ["b"], "/places/Gather", ""),
        node("Add", ["a", "b"], ["c"], "/Add", ""),
        *[node("Gather", ["segments.weight", "segments"], ["d"], "/segments/Gather", "")] * segments,
        *[node("Add", ["c", "d"], ["f"], "/Add_1", "")] * segments,
        node("LayerNormalization", ["f" if segments else "c", "n.weight", "n.bias"], ["e"], "/n/LayerNorm", ""),
    ]
    tensors = stored(**{n.replace(".", "__"): s for n, s in shapes.items()})
    tensors += stored(segments__weight=(2, 16)) * segments
    inputs = [declared(n, [3, 7], TensorProto.INT32) for n in ("ids", *["segments"] * segments, *["at"] * places)]
    last = node("MatMul", ["e", "w.weight"], ["y"], "/w/MatMul", "")
    saved(path / "fused.onnx", [fused, last], inputs, tensors)
    first = numpy_helper.from_array(np.arange(7)[None], "first")
    saved(path / "plain.onnx", [*plain, last], inputs, [*tensors, *[first] * (not places)])
    return path / "fused.onnx", path / "plain.onnx"


@pytest.mark.parametrize("segments", [True, False])
@pytest.mark.parametrize("places", [True, False])
def test_what_bert_embeds_counts_as_its_tables_and_norm(tmp_path, segments, places):
    paths = embedded(tmp_path, segments=segments, places=places)
    ids = np.random.default_rng(0).integers(0, 2, (3, 7)).astype(np.int32)
    sessions = [onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]) for path in paths]
    results = [s.run(["y"], {i.name: ids for i in s.get_inputs()})[0] for s in sessions]
    np.testing.assert_allclose(*results, rtol=1e-4, atol=1e-4)
    found, wanted = (onnx_graph.read(path, strict=True) for path in paths)
    counts = [sorted((op.kind, op.macs, op.params, op.vector_flops, op.output_elements) for op in w.ops)
              for w in (found, wanted)]  # fmt: skip
    assert counts[0] == counts[1]


def test_what_a_quantised_bert_embeds_is_held_in_its_bytes(tmp_path):
    path, _ = embedded(tmp_path, segments=True, places=False)
    quantize_dynamic(path, tmp_path / "q.onnx", extra_options={"DefaultTensorType": 1})
    assert "QEmbedLayerNormalization" in {n.op_type for n in onnx.load(tmp_path / "q.onnx").graph.node}
    found, wanted = (onnx_graph.read(p, strict=True) for p in (tmp_path / "q.onnx", path))
    assert found.batch_of_ops.macs.sum() == wanted.batch_of_ops.macs.sum() == 21 * 16 * 8
    assert found.batch_of_ops.params.sum() == wanted.batch_of_ops.params.sum()
    held = dict(found.stated)
    assert {held[name] for name in ("word", "places", "segments")} == {"uint8/bf16"}


def test_a_quantised_attention_is_its_layer_and_heads(tmp_path):
    nodes = [node("Attention", ["x", "w.weight", "w.bias"], ["y"], "/a", num_heads=4)]
    tensors = stored(w__weight=(32, 96), w__bias=(96,))
    path = saved(tmp_path / "a.onnx", nodes, [declared("x", [2, 6, 32])], tensors)
    quantize_dynamic(path, tmp_path / "q.onnx", extra_options={"DefaultTensorType": 1})
    assert "QAttention" in {n.op_type for n in onnx.load(tmp_path / "q.onnx").graph.node}
    found, wanted = (onnx_graph.read(p, strict=True) for p in (tmp_path / "q.onnx", path))
    products = [[(op.kind, op.macs, op.weight_elements) for op in w.ops if op.macs] for w in (found, wanted)]
    assert products[0] == products[1]
    assert "int8" in {pair.partition("/")[0] for name, pair in found.stated if name != "*"}


@pytest.mark.parametrize("opset", [13, 18])
def test_a_mean_of_integers_is_over_its_axes(tmp_path, opset):
    nodes = [node("QLinearReduceMean", ["x", "s", "z", "s", "z"], ["y"], "/m", axes=[2, 3], keepdims=0)]
    tensors = [
        helper.make_tensor("s", TensorProto.FLOAT, (), [1.0]),
        helper.make_tensor("z", TensorProto.UINT8, (), [0]),
    ]
    path = saved(tmp_path / "r.onnx", nodes, [declared("x", [2, 8, 3, 3], TensorProto.UINT8)], tensors, opset=opset)
    (op,) = onnx_graph.read(path, strict=True).ops
    assert (op.input_elements, op.output_elements) == (144, 16)


def test_a_flag_that_the_plain_operator_lacks_is_uncounted(tmp_path):
    nodes = [node("FusedMatMul", ["x", "w"], ["a"], "/p", transBatchA=1), node("Relu", ["a"], ["y"], "/r", "")]
    path = saved(tmp_path / "f.onnx", nodes, [declared("x", [2, 4, 8])], stored(w=(8, 8)))
    assert any("com.microsoft.FusedMatMul" in told for told in onnx_graph.read(path).uncounted)
