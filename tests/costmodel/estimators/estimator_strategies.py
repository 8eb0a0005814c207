"""Random ops, precisions, devices and networks."""

from dataclasses import replace

from hypothesis import strategies as st

from costmodel.hardware import Cpu, Gpu, PeakFlops
from costmodel.precision import precision
from costmodel.workload import Workload
from costmodel.workload.ops import activation, attention, conv, elementwise, embedding, linear, norm, softmax

SPELLINGS = (
    "w32a32", "w16a16", "fp16/fp16", "w8a16", "w4a16", "w8a8", "w4a8", "w4a4", "w8a8kv8", "fp8_e4m3", "nf4/bf16",
    "int4_g128/bf16", "int3/bf16/int8", "mxfp4/mxfp8_e4m3", "nvfp4", "fp6_e3m2/fp6_e3m2",
)  # fmt: skip
COUNTS = st.integers(1, 64)


def precisions():
    return st.sampled_from(SPELLINGS).map(precision)


@st.composite
def ops(draw, name="op"):
    """One op of any kind, pruned and repeated at times."""
    a, b, c = draw(COUNTS), draw(COUNTS), draw(COUNTS)
    made = draw(
        st.sampled_from(
            [
                linear(name, a, b, c, bias=bool(a % 2)),
                conv(name, 1 + a % 3, b, c, input_size=(9, 9), kernel=(3, 3), stride=(1 + c % 2, 1)),
                conv(name, 1, b, b, input_size=(9, 9), kernel=(3, 3), groups=b),
                attention(name, a, queries=1, keys=b, heads=4, kv_heads=2, head_dim=c, cached=True),
                attention(name, 1, queries=a, keys=a, heads=2, kv_heads=2, head_dim=c, causal=True),
                softmax(name, a * b),
                norm(name, a * b, b, style="layer"),
                activation(name, a * b, function="gelu"),
                elementwise(name, a * b),
                embedding(name, a, 1000, b),
            ]
        )
    )
    return replace(
        made, count=draw(st.sampled_from([1.0, 2.0, 0.5])), weight_density=draw(st.sampled_from([1.0, 0.25]))
    )


def devices():
    """GPUs and CPUs with every pipe, so that no latency is unknown."""
    rate = st.floats(1e9, 1e15)
    peaks = st.builds(PeakFlops, **dict.fromkeys(PeakFlops.__dataclass_fields__, rate))
    memory = {
        "memory_bytes": st.just(1e9),
        "memory_bytes_per_s": st.floats(1e8, 1e13),
        "process_m": st.floats(1e-9, 1e-7),
    }
    gpus = st.builds(
        Gpu, st.just("gpu"), peaks, l2_bytes=st.just(1e6), sm_count=st.just(10), clock_hz=st.just(1e9),
        power_w=st.just(100), memory_kind=st.sampled_from(["HBM", "GDDR"]), **memory,
    )  # fmt: skip
    cpus = st.builds(Cpu, st.just("cpu"), peaks, cores=st.just(4), memory_kind=st.just("DDR"), **memory)
    return gpus | cpus


@st.composite
def networks(draw, most=8):
    """Ops in order, each reading some of those before it; some outputs of the network, at times."""
    size = draw(st.integers(1, most))
    names = [f"op{i}" for i in range(size)]
    made = []
    for i, name in enumerate(names):
        read = draw(st.lists(st.sampled_from(names[:i]), unique=True, max_size=3)) if i else []
        made.append(replace(draw(ops(name)), inputs=tuple(read)))
    outputs = draw(st.lists(st.sampled_from(names), unique=True, max_size=2))
    return Workload("net", tuple(made), outputs=tuple(outputs))
