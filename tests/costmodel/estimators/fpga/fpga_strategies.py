"""Random layers, foldings and precisions on a fabric."""

from hypothesis import strategies as st

from costmodel.estimators.fpga import Folding
from costmodel.precision import precision
from costmodel.workload.ops import conv, linear

INTEGERS = [f"{sign}int{bits}" for bits in range(2, 17) for sign in ("", "u")]
DSP_KINDS = ("DSP48E1", "DSP48E2", "DSP58", "IntelDSP")


def divisors(number):
    return [d for d in range(1, int(number) + 1) if number % d == 0]


@st.composite
def layers(draw):
    """A linear layer, a convolution, grouped or not, or a depthwise one."""
    small = st.integers(1, 24)
    if draw(st.booleans()):
        return linear("layer", draw(small), draw(st.integers(1, 300)), draw(st.integers(1, 300)))
    groups = draw(st.sampled_from([1, 1, 2, 8]))
    channels_in, channels_out = groups * draw(st.integers(1, 12)), groups * draw(st.integers(1, 12))
    size = (draw(st.integers(7, 40)), draw(st.integers(7, 200)))
    return conv(
        "layer",
        draw(st.integers(1, 3)),
        channels_in,
        channels_out,
        input_size=size,
        kernel=(draw(st.integers(1, 5)), draw(st.integers(1, 5))),
        stride=(draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        padding=(draw(st.integers(0, 2)), draw(st.integers(0, 2))),
        groups=groups,
    )


@st.composite
def units(draw):
    """A layer with a folding that divides it."""
    op = draw(layers())
    pe, simd = (draw(st.sampled_from(divisors(size))) for size in (op.b * op.n, op.k))
    return op, Folding(pe, simd, draw(st.sampled_from([0.0, 1.0])), draw(st.sampled_from([0.0, 1.0])))


def integer_precisions():
    return st.builds(lambda w, a: precision(f"{w}/{a}"), st.sampled_from(INTEGERS), st.sampled_from(INTEGERS))
