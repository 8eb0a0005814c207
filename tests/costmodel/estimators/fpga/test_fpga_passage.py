"""The time through a dataflow against a cycle-by-cycle simulation of its units."""

from dataclasses import replace

import numpy as np
import pytest
from stream_simulator import DeadlockError, simulate

from costmodel import zoo
from costmodel.estimators.estimate import estimate
from costmodel.estimators.fpga import Folding, fold
from costmodel.estimators.fpga.cycles import cycles
from costmodel.estimators.fpga.passage import passage, waiting
from costmodel.hardware import fpga
from costmodel.precision import precision
from costmodel.strategies import strategy
from costmodel.workload import Window, Workload
from costmodel.workload.ops import activation, attention, conv, elementwise, linear, pooling


def chain(*ops):
    return Workload("net", tuple(ops))


def square(name, size, channels_in, channels_out, kernel=3, **more):
    return conv(name, 1, channels_in, channels_out, input_size=(size, size), kernel=(kernel, kernel), **more)


def pool(name, size, channels, kernel=2):
    window, out = Window(kernel, kernel, kernel, kernel, size, size), size // kernel
    return pooling(name, channels * size**2, channels * out**2, window=window)


def batched(net, batch):
    per_image = ("m", "input_elements", "output_elements", "vector_flops")
    ops = (replace(op, **{name: batch * getattr(op, name) for name in per_image}) for op in net.ops)
    return replace(net, batch=batch, ops=tuple(ops))


SAME = {"padding": (1, 1)}
CNN = chain(
    square("a", 14, 2, 8),
    square("b", 12, 8, 8, **SAME),
    pool("p", 12, 8),
    square("c", 6, 8, 16),
    linear("f", 1, 256, 10),
)
DEEP = chain(*(square(f"c{i}", 10, 4, 4, **SAME) for i in range(6)))
WIDE = chain(
    conv("a", 1, 3, 8, input_size=(9, 17), kernel=(3, 5), padding=(1, 2), stride=(1, 2)),
    conv("d", 1, 8, 8, input_size=(9, 9), kernel=(3, 3), padding=(1, 1), groups=8),
    conv("p", 1, 8, 16, input_size=(9, 9), kernel=(1, 1)),
    linear("f", 1, 16 * 81, 6),
)
MLP = chain(linear("a", 1, 64, 32), linear("b", 1, 32, 32), linear("c", 1, 32, 10))
TOKENS = chain(linear("a", 20, 16, 32), linear("b", 20, 32, 16), linear("c", 20, 16, 8))
RESIDUAL = chain(
    square("stem", 12, 2, 8, **SAME),
    square("a", 12, 8, 8, **SAME),
    square("b", 12, 8, 8, **SAME),
    elementwise("sum", 8 * 144, inputs=("b", "stem")),
    square("c", 12, 8, 8, kernel=1),
    square("d", 12, 8, 8, **SAME, inputs=("c",)),
    square("e", 12, 8, 8, kernel=1),
    elementwise("again", 8 * 144, inputs=("e", "sum")),
    linear("f", 1, 8 * 144, 4),
)


def gated(**conv):
    return chain(
        square("stem", 12, 2, 8, **SAME),
        pool("pooled", 12, 8, kernel=12),
        linear("mask", 1, 8, 8),
        square("gated", 12, 8, 8, **conv, inputs=("stem", "mask")),
        linear("f", 1, 8 * 144, 4),
    )


NETS = {"cnn": CNN, "deep": DEEP, "wide": WIDE, "mlp": MLP, "tokens": TOKENS, "residual": RESIDUAL}


def divisors(number):
    return [d for d in range(1, int(number) + 1) if number % d == 0]


def folded(workload, seed):
    """Random PE and SIMD that divide each layer and its pixels."""
    draw = np.random.default_rng(seed)
    rows = []
    for op in workload.ops:
        if op.kind in ("linear", "conv"):
            channels = op.input_elements / (op.window.input_height * op.window.input_width)
            wide = [s for s in divisors(op.k) if channels % s == 0 or s % channels == 0] if op.kind == "conv" else []
            rows.append((draw.choice(divisors(op.b * op.n)), 1 if op.b > 1 else draw.choice(wide or divisors(op.k))))
        else:
            rows.append((draw.choice([1, 2, 4, 8]), 1))
    return Folding(*np.array(rows, dtype=np.float64).T)


def balanced(workload, seed):
    """Of each layer the slowest random folding that keeps up with a target."""
    target = np.random.default_rng(seed).choice([600, 2000, 6000])
    tries = [folded(workload, s) for s in range(40)]
    took = np.array([cycles(workload.batch_of_ops, each) for each in tries])
    best = np.where(took <= target, took, -took).argmax(axis=0)
    return Folding(*(np.array([getattr(tries[t], n)[i] for i, t in enumerate(best)]) for n in ("pe", "simd")))


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize(("how", "seed"), [(folded, 1), (balanced, 0), (balanced, 1)])
def test_the_latency_of_a_pass_is_that_of_a_simulation(name, how, seed):
    """To 2 %, or the registers that the simulation's units lack; with short queues within the bounds, to 1 %."""
    net, folding = NETS[name], how(NETS[name], seed)
    (endless,), (short,) = (simulate(net, folding, queue=words) for words in (1e9, 32))
    found = passage(net, folding)
    assert found.low <= endless * 1.01
    assert found.low <= short * 1.01
    assert endless <= short <= found.high * 1.01
    assert abs(found.cycles - endless) <= 0.02 * endless + 12 * len(net.ops)
    assert found.low <= found.cycles <= found.high


@pytest.mark.parametrize("name", ["cnn", "residual"])
def test_images_follow_at_the_interval(name):
    """Units refill their windows between images, which takes a sixth of an image of 12 pixels."""
    net, folding = NETS[name], balanced(NETS[name], 1)
    first, second, third = simulate(net, folding, images=3)
    interval = cycles(net.batch_of_ops, folding).max()
    assert interval * 0.99 <= third - second <= interval * 1.2
    assert passage(batched(net, 3), folding).cycles - passage(net, folding).cycles == pytest.approx(2 * interval)
    assert first < second < third


def test_a_sum_s_queue_holds_what_the_longer_path_needs_and_less_stops_the_pass():
    net, folding = RESIDUAL, balanced(RESIDUAL, 1)
    needed = dict(zip((op.name for op in net.ops), waiting(net).tolist(), strict=True))
    assert needed["sum"] == pytest.approx(8 * (2 * 12 + 3), rel=0.2)
    assert needed["again"] == pytest.approx(8 * (12 + 4), rel=0.2)
    (endless,) = simulate(net, folding, queue=2)
    (sized,) = simulate(net, folding, queue=2, skips=needed)
    assert sized <= endless * 1.01
    with pytest.raises(DeadlockError):
        simulate(net, folding, queue=2, skips={n: 0.4 * e for n, e in needed.items()})


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_input_waits_whole_for_the_mask_that_is_made_of_it(seed):
    """But for what its unit holds of it: with less room the unit before never gets to the image's end."""
    net = gated(kernel=1)
    folding = balanced(net, seed)
    needed = dict(zip((op.name for op in net.ops), waiting(net).tolist(), strict=True))
    assert needed == {"stem": 0, "pooled": 0, "mask": 0, "gated": 8 * 143, "f": 0}
    assert waiting(gated(**SAME)).tolist() == [0, 0, 0, 8 * (144 - 14), 0]
    (endless,) = simulate(net, folding, queue=8)
    (sized,) = simulate(net, folding, queue=8, skips=needed)
    assert sized <= endless * 1.01
    with pytest.raises(DeadlockError):
        simulate(net, folding, queue=8, skips={n: 0.8 * e for n, e in needed.items()})
    assert passage(net, folding).cycles == pytest.approx(endless, rel=0.02, abs=60)


def test_the_queue_of_an_input_that_waits_has_all_of_its_bits():
    """56 x 56 pixels of 64 channels in 4 bits but for a window's first rows: 43 blocks of 18,432 bits at least."""
    net = strategy("dynamic_filters:keep=0.5")(zoo.build("resnet18"))
    found, plain = (estimate(w, "int4", fpga("zcu102")) for w in (net, zoo.build("resnet18")))
    bits = 4 * 64 * (56 * 56 - 58)
    at = [op.name for op in net.ops].index("layer1.0.conv1")
    assert bits / 18432 <= found.bram18[at] <= 1.5 * bits / 18432
    assert found.totals["bram18"] - plain.totals["bram18"] > 400


def test_an_attention_waits_for_all_of_its_tokens():
    tokens = [linear(f"l{i}", 20, 16, 16) for i in range(2)]
    scores = attention("a", 1, queries=20, keys=20, heads=2, kv_heads=2, head_dim=8)
    ones = Folding(np.ones(3), np.ones(3))
    through, held = (
        passage(Workload("net", (tokens[0], middle, tokens[1])), ones).cycles
        for middle in (activation("r", 320, function="relu"), scores)
    )
    assert held == pytest.approx(through + 19 / 20 * 20 * 256, rel=0.01)


def test_memory_paces_a_dataflow_s_input_and_the_network_s_ends_are_counted():
    net, board = CNN, fpga("pynq_z1")
    folding = balanced(net, 0)
    slow = replace(board, memory_bytes_per_s=2e5)
    near, far = (estimate(net, "int8/int8", device, folding=folding).totals for device in (board, slow))
    assert near["bytes_moved"] == 2 * 14 * 14 + 10
    assert far["cycles"] == np.ceil(402 / 2e5 * board.clock_hz)
    assert far["cycles"] > near["cycles"]
    assert far["throughput_per_s"] == pytest.approx(board.clock_hz / far["cycles"])
    assert far["latency_s"] > far["cycles"] * 392 / 402 / board.clock_hz > near["latency_s"]


def test_throughput_is_of_images():
    one, eight = (batched(CNN, b) for b in (1, 8))
    folding = balanced(CNN, 0)
    rates = [
        estimate(net, "int4/int4", fpga("zcu104"), folding=folding).totals["throughput_per_s"] for net in (one, eight)
    ]
    assert rates[0] == pytest.approx(rates[1])
    asked = [fold(net, precision("int4/int4"), fpga("zcu104"), throughput_per_s=1e4) for net in (one, eight)]
    assert (asked[0].pe == asked[1].pe).all()
