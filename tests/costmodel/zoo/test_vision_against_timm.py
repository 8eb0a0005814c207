"""The vision zoo equals what torch counts on timm's networks: parameters and FLOPs, to the last one.

The definitions agree: torch's counter takes 2 FLOPs a MAC of convolutions and matrix products and nothing else, as
`Op.flops` does; norms, activations and sums are `vector_flops`, which it does not know. Attention is full S x S in
both, whether timm calls scaled_dot_product_attention (ViT: on the meta device torch splits it into its two batched
products) or multiplies itself (Swin: shifted windows compute the scores that they mask).
"""

import pytest
from timm_oracle import Counted, count, default_resolution

from costmodel import zoo
from costmodel.workload import Workload
from costmodel.zoo.efficientnet import MODELS as EFFICIENTNET
from costmodel.zoo.mobilenet import MODELS as MOBILENET
from costmodel.zoo.regnet import MODELS as REGNET
from costmodel.zoo.resnet import MODELS as RESNET
from costmodel.zoo.swin import MODELS as SWIN
from costmodel.zoo.vgg import MODELS as VGG
from costmodel.zoo.vit import MODELS as VIT

EVERY = [*RESNET, *MOBILENET, *EFFICIENTNET, *REGNET, *VGG, *VIT, *SWIN]

USUAL = [
    "resnet18", "resnet34", "resnet50", "resnet101", "mobilenetv2_100", "mobilenetv3_large_100",
    "mobilenetv3_small_050", "mobilenetv3_small_100", "efficientnet_b0", "efficientnet_b1", "efficientnet_b7",
    "regnetx_002", "regnetx_032", "regnetx_160", "regnety_008_tv", "regnety_040_sgn", "regnety_160",
    "vgg11", "vgg16", "vgg16_bn", "vit_base_patch16_224", "vit_base_patch32_224", "deit_tiny_patch16_224",
    "deit_small_patch16_224", "deit_base_patch16_224", "swin_tiny_patch4_window7_224",
]  # fmt: skip

OTHER_INPUTS = [
    ("resnet18", 1, 32),
    ("resnet50", 8, 288),
    ("mobilenetv2_050", 4, 97),
    ("mobilenetv3_small_075", 2, 160),
    ("efficientnet_b1", 3, 225),
    ("regnety_002", 2, 250),
    ("vgg11_bn", 2, 64),  # smaller than the classifier's 7 x 7: pooled up to it
    ("vgg13", 1, 256),
    ("vit_tiny_patch16_224", 4, 384),
    ("swin_tiny_patch4_window7_224", 2, 448),
    ("swin_tiny_patch4_window7_224", 1, 252),  # 63 patches a side: later stages are padded to whole windows
    ("swin_tiny_patch4_window7_224", 1, 28),  # later stages are smaller than a window
    ("swin_tiny_patch4_window7_224", 1, 4),  # a single patch
    ("swin_tiny_patch4_window7_224", 2, 33),  # a pixel beyond the patches is left out
    ("swin_tiny_patch4_window7_224", 1, 230),  # no stage is whole windows
    ("swin_tiny_patch4_window7_224", 1, 256),
    ("swin_small_patch4_window7_224", 1, 511),
]

BY_LAYER = [
    "resnet18", "resnet50", "mobilenetv3_small_100", "efficientnet_b1", "regnety_160", "vgg16_bn",
    "vit_base_patch16_224", "swin_tiny_patch4_window7_224",
]  # fmt: skip


def assert_same_totals(workload: Workload, counted: Counted) -> None:
    assert sum(op.params for op in workload.ops) == counted.params
    assert sum(op.flops for op in workload.ops) == counted.flops


@pytest.mark.parametrize("name", USUAL)
def test_parameters_and_flops_equal_torch(name: str) -> None:
    assert_same_totals(zoo.build(name), count(name))


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(set(EVERY) - set(USUAL)))
def test_parameters_and_flops_of_the_others_equal_torch(name: str) -> None:
    assert_same_totals(zoo.build(name), count(name))


@pytest.mark.parametrize(("name", "batch", "resolution"), OTHER_INPUTS)
def test_other_inputs_equal_torch(name: str, batch: int, resolution: int) -> None:
    workload = zoo.build(name, batch=batch, resolution=resolution)
    assert workload.batch == batch
    assert_same_totals(workload, count(name, batch=batch, resolution=resolution))


@pytest.mark.parametrize("name", EVERY)
def test_default_resolution_is_that_of_timms_weights(name: str) -> None:
    assert zoo.build(name).ops[0].input_elements == 3 * default_resolution(name) ** 2


@pytest.mark.parametrize("name", BY_LAYER)
def test_flops_of_each_layer_equal_torch(name: str) -> None:
    counted = count(name)
    layers = {op.name: op.flops for op in zoo.build(name).ops if op.kind in ("conv", "linear")}
    with_weights = {module for module, params in counted.params_of.items() if params and counted.flops_of.get(module)}
    holders_of_products = {module for module in with_weights if module.endswith(".attn")}  # Swin's bias table is theirs
    assert layers == {module: counted.flops_of[module] for module in with_weights - holders_of_products}


@pytest.mark.parametrize("name", BY_LAYER)
def test_parameters_of_each_module_equal_torch(name: str) -> None:
    ours = {op.name: op.params for op in zoo.build(name).ops if op.params}
    theirs = {module: params for module, params in count(name).params_of.items() if params}
    tokens = ours.pop("cls_token", 0) + ours.pop("pos_embed", 0)
    assert tokens == theirs.pop("", 0), "a class token and position embeddings belong to no submodule"
    assert {op.removesuffix(".attention"): params for op, params in ours.items()} == theirs


@pytest.mark.parametrize("name", BY_LAYER)
def test_elements_of_each_module_equal_torch(name: str) -> None:
    counted = count(name)
    ours = {op.name: op for op in zoo.build(name).ops if op.name in counted.outputs_of}
    assert {n: op.output_elements for n, op in ours.items()} == {n: counted.outputs_of[n] for n in ours}
    assert {n: op.input_elements for n, op in ours.items()} == {n: counted.inputs_of[n] for n in ours}


@pytest.mark.parametrize("name", BY_LAYER)
def test_what_is_no_module_of_timm_is_a_sum_a_product_or_an_attention(name: str) -> None:
    others = [op for op in zoo.build(name).ops if op.name not in count(name).outputs_of]
    assert {op.name.rsplit(".", 1)[-1] for op in others} <= {
        "add", "mean", "mul", "attention", "attn_residual", "mlp_residual", "cls_token", "pos_embed",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("vit_base_patch16_224", "blocks.0.attn"),
        ("swin_tiny_patch4_window7_224", "layers.0.blocks.0.attn"),
        ("swin_tiny_patch4_window7_224", "layers.0.blocks.1.attn"),  # shifted: masked scores are computed too
    ],
)
def test_attention_flops_equal_torch(name: str, module: str) -> None:
    flops_of = count(name).flops_of
    products = flops_of[module] - flops_of[f"{module}.qkv"] - flops_of[f"{module}.proj"]
    assert zoo.build(name).op(f"{module}.attention").flops == products > 0
