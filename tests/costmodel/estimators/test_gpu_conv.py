"""Convolutions on a GPU: one formula for one and for many, monotone where it must be, and what its terms are for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel import hardware
from costmodel.estimators import operation_kind
from costmodel.estimators.operation_constants import OperationConstants
from costmodel.estimators.operation_model import sizes, terms
from costmodel.record import stack
from costmodel.workload.ops import conv

H100 = hardware.gpu("h100_sxm")
C = OperationConstants(
    compute_efficiency=0.55, memory_efficiency=0.8, cache_rate=0.8, cache_fraction=0.6, overlap=1.5, calls_per_s=4e5,
    step_cycles=4.0, start_cycles=5e4, wave_rounding=0.6, layout_cycles=1.2e4, layout_rate=0.7, filter_rate=0.2,
    unaligned=5.0,
)  # fmt: skip
THREADS = replace(C, start_cycles=900.0)
SHAPES = st.tuples(
    st.sampled_from([1, 4, 32]), st.sampled_from([3, 16, 64, 96, 320]), st.sampled_from([16, 64, 256]),
    st.sampled_from([7, 14, 28, 56]), st.sampled_from([1, 3, 5, 7]), st.sampled_from([1, 2]),
)  # fmt: skip


def made(batch, depth, out, plane, kernel, stride, groups=1):
    pad = kernel // 2
    return conv(
        "c", batch, depth, out, input_size=(plane, plane), kernel=(kernel, kernel), stride=(stride, stride),
        padding=(pad, pad), groups=groups,
    )  # fmt: skip


def latency_s(op, math="conv_bf16", constants=C, gpu=H100):
    return terms(*sizes(op), operation_kind.named(math), gpu, constants).latency_s


@given(st.lists(SHAPES, min_size=1, max_size=8))
def test_a_batch_is_its_rows(shapes):
    ops = [made(*shape) for shape in shapes]
    np.testing.assert_allclose(latency_s(stack(ops)), [latency_s(op) for op in ops])


@given(SHAPES, st.sampled_from(["conv_bf16", "conv_fp32"]))
def test_more_images_or_bandwidth_never_hurt(shape, math):
    op, more = made(*shape), made(2 * shape[0], *shape[1:])
    faster = replace(H100, memory_bytes_per_s=2 * H100.memory_bytes_per_s)
    assert 0 < latency_s(op, math) <= latency_s(more, math) * (1 + 1e-9)
    assert latency_s(op, math, gpu=faster) <= latency_s(op, math)


def test_layouts_change_where_the_window_or_a_stride_wants_it():
    plain, window = latency_s(made(1, 64, 64, 28, 1, 1)), latency_s(made(1, 64, 64, 28, 3, 1))
    assert window - plain > C.layout_cycles / H100.clock_hz
    assert latency_s(made(1, 64, 64, 56, 1, 2)) - plain > C.layout_cycles / H100.clock_hz
    assert latency_s(made(1, 64, 64, 56, 1, 2), "conv_fp32") < latency_s(made(1, 64, 64, 56, 3, 2), "conv_fp32")


def test_few_channels_are_padded_and_planes_that_do_not_align_are_slower():
    patches = [latency_s(made(1, depth, 64, 28, 7, 1)) for depth in (3, 16, 64)]
    assert patches == pytest.approx([patches[2]] * 3, rel=0.1)
    assert latency_s(made(1, 256, 64, 14, 1, 1)) > 1.5 * latency_s(made(1, 256, 64, 28, 1, 1))


def test_threads_come_in_waves():
    wave = H100.sm_count * 1024
    per_image = 64 * 28 * 28
    counts = [wave // per_image, wave // per_image + 1]
    full, over = (latency_s(made(n, 64, 64, 28, 5, 1, groups=64), "conv_grouped_bf16", THREADS) for n in counts)
    step = 25 * THREADS.step_cycles * 32 / H100.clock_hz
    assert over - full > 0.5 * THREADS.wave_rounding * step
    assert latency_s(made(1, 64, 64, 28, 5, 1, groups=64), "conv_grouped_bf16", THREADS) > step


def test_positions_are_an_images_outputs_and_one_elsewhere():
    assert sizes(made(8, 32, 64, 28, 3, 2))[5] == 14 * 14
    assert sizes(made(8, 32, 32, 28, 3, 1, groups=32))[5] == 28 * 28
