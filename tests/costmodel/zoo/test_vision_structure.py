"""What holds of every vision network: who reads what, refusals, frozen totals.

tests/golden/zoo_vision.json holds parameters and MACs of every network at its own resolution. After a change that is
meant to alter them, write it anew with `python tests/costmodel/zoo/test_vision_structure.py`, and let
test_vision_against_timm.py, its long tests included, say that timm agrees.
"""

import json
from pathlib import Path

import pytest

from costmodel import zoo
from costmodel.catalog import UnknownNameError
from costmodel.workload import Window, Workload
from costmodel.zoo.efficientnet import MODELS as EFFICIENTNET
from costmodel.zoo.efficientvmamba import MODELS as EFFICIENTVMAMBA
from costmodel.zoo.mobilenet import MODELS as MOBILENET
from costmodel.zoo.regnet import MODELS as REGNET
from costmodel.zoo.resnet import MODELS as RESNET
from costmodel.zoo.swin import MODELS as SWIN
from costmodel.zoo.vgg import MODELS as VGG
from costmodel.zoo.vig import MODELS as VIG
from costmodel.zoo.vim import MODELS as VIM
from costmodel.zoo.vit import MODELS as VIT

GOLDEN = Path(__file__).parents[2] / "golden" / "zoo_vision.json"
FAMILIES = (RESNET, MOBILENET, EFFICIENTNET, REGNET, VGG, VIT, SWIN, VIG, EFFICIENTVMAMBA, VIM)
EVERY = [name for models in FAMILIES for name in models]

PARTIAL_READS = (".op.conv2d", ".op.mul", ".op.dt_projs", ".mixer.gate", "ward.conv1d", "ward.dt_proj")
"""Ops that read one of the results that a scanning block's projections make together."""


def totals(workload: Workload) -> dict[str, int]:
    return {"params": int(sum(op.params for op in workload.ops)), "macs": int(sum(op.macs for op in workload.ops))}


def test_totals_are_the_frozen_ones() -> None:
    assert {name: totals(zoo.build(name)) for name in EVERY} == json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("name", EVERY)
def test_ops_read_what_earlier_ops_made(name: str) -> None:
    """An op reads as many elements as its sources made; the first op alone reads the image; every result is read."""
    workload = zoo.build(name)
    made: dict[str, float] = {}
    for op in workload.ops:
        assert bool(op.inputs) == bool(made), op.name
        if op.inputs and not op.name.endswith(PARTIAL_READS):
            assert op.input_elements == sum(made[source] for source in op.inputs) + unlike(name, op.name, made)
        made[op.name] = op.output_elements
    unread = set(made) - {source for op in workload.ops for source in op.inputs}
    assert unread == {workload.ops[-1].name}


@pytest.mark.parametrize("name", EVERY)
def test_windows_over_the_padded_image_are_as_many_as_the_outputs(name: str) -> None:
    for op in zoo.build(name).ops:
        w = op.window
        if w != Window() and op.kind in ("conv", "pooling"):
            pooled = op.output_elements * w.input_height * w.input_width / max(op.input_elements, 1)
            assert w.output_height * w.output_width == (op.m if op.kind == "conv" else pooled), op.name


def unlike(name: str, op: str, made: dict[str, float]) -> float:
    """Elements that an op reads beyond its sources' results.

    A ViT adds a class token, and classifies that alone.
    """
    if name not in VIT:
        return 0
    channels = VIT[name].channels
    return {"cls_token": channels, "head": channels - made.get("norm", 0)}.get(op, 0)


@pytest.mark.parametrize(
    "name",
    ["resnet50", "efficientnet_b0", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224", "vig_tiny",
     "efficientvmamba_tiny"],
)  # fmt: skip
def test_batch_scales_all_but_the_parameters(name: str) -> None:
    one, five = zoo.build(name), zoo.build(name, batch=5)
    assert five.batch == 5
    for a, b in zip(one.ops, five.ops, strict=True):
        assert (b.macs, b.input_elements, b.output_elements, b.vector_flops, b.params) == (
            5 * a.macs, 5 * a.input_elements, 5 * a.output_elements, 5 * a.vector_flops, a.params,
        )  # fmt: skip


def test_residual_sums_read_both_branches() -> None:
    ops = zoo.build("resnet50")
    assert ops.op("layer1.0.add").inputs == ("layer1.0.bn3", "layer1.0.downsample.1")
    assert ops.op("layer1.0.downsample.0").inputs == ("maxpool",)
    assert ops.op("layer1.1.add").inputs == ("layer1.1.bn3", "layer1.0.act3")


def test_gates_read_the_block_and_its_factors() -> None:
    ops = zoo.build("efficientnet_b0")
    assert ops.op("blocks.1.0.se.mul").inputs == ("blocks.1.0.bn2.act", "blocks.1.0.se.gate")
    assert ops.op("blocks.1.0.se.mean").inputs == ("blocks.1.0.bn2.act",)


@pytest.mark.parametrize("name", [next(iter(models)) for models in FAMILIES])
@pytest.mark.parametrize("wrong", [{"resolution": 0}, {"resolution": -224}, {"batch": 0}, {"batch": -1}])
def test_sizes_below_one_are_refused(name: str, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"^batch.* must be at least 1, got .*(0|-224|-1)"):
        zoo.build(name, **wrong)


@pytest.mark.parametrize(
    ("name", "resolution", "says"),
    [
        ("vit_base_patch16_224", 225, "multiple of vit_base_patch16_224's patch of 16 pixels, got 225"),
        ("vit_base_patch32_224", 240, "patch of 32 pixels, got 240"),
        ("vim_tiny", 225, "multiple of vim_tiny's patch of 16 pixels, got 225"),
        ("vig_tiny", 1000, "multiple of vig_tiny's patch of 16 pixels, got 1000"),
        ("efficientvmamba_small", 222, "multiple of efficientvmamba_small's patch of 4 pixels, got 222"),
        ("vgg16", 16, "kernel=2, dilation=1 does not fit an input of size=1"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(name: str, resolution: int, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refusal:
        zoo.build(name, resolution=resolution)
    assert "\n" not in str(refusal.value)


def test_unknown_names_list_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="regnety_160"):
        zoo.regnet("regnety_161")


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps({name: totals(zoo.build(name)) for name in sorted(EVERY)}, indent=1) + "\n")


@pytest.mark.parametrize(
    ("name", "size", "value"),
    [
        ("resnet18", "batch", 1.5),
        ("resnet18", "resolution", 224.5),
        ("bert-base", "context", 7.5),
        ("gpt2", "batch", True),
    ],
)
def test_sizes_are_whole_numbers(name, size, value):
    with pytest.raises(ValueError, match=f"{size} must be an integer, got {value}"):
        zoo.build(name, **{size: value})
