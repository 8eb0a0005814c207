"""The analytic attention model: one formula for scalars and grids, and the laws it must obey."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel import hardware
from costmodel.catalog import UnknownNameError
from costmodel.estimators import attention_kind, gpu_attention
from costmodel.estimators.attention_constants import AttentionConstants
from costmodel.estimators.latency_model import bound
from costmodel.record import mesh
from costmodel.workload.ops.attention import kept_fraction

CONSTANTS = AttentionConstants(
    compute_efficiency=0.65, memory_efficiency=0.75, sm_rate=0.4, l2_rate=0.4, l2_fraction=0.9, softmax_cycles=0.6,
    wave_rounding=0.4, overlap=0.7, launch_cycles=13000.0, tile_cycles=4000.0, split_cycles=7000.0, packing=0.6,
)  # fmt: skip
H100 = hardware.gpu("h100_sxm")
CTX, GEN, GEN8 = (attention_kind.named(name) for name in ("ctx_bfloat16", "gen_bfloat16", "gen_bfloat16_kvfp8"))
GROUPS = st.sampled_from([(1, 1), (8, 8), (8, 1), (32, 8), (64, 8), (24, 2)])


@st.composite
def shapes(draw, phase=None):
    """Batch, queries, keys, heads, KV heads, head dimension, window."""
    prefill = draw(st.booleans()) if phase is None else phase == "ctx"
    keys = draw(st.integers(1, 2**15))
    heads, kv_heads = draw(GROUPS)
    window = draw(st.sampled_from([0, 128, 1024]))
    batch, head_dim = draw(st.integers(1, 512)), draw(st.sampled_from([64, 128, 256]))
    return tuple(map(float, (batch, keys if prefill else 1, keys, heads, kv_heads, head_dim, window)))


def latency(*shape, kind=CTX, gpu=H100, constants=CONSTANTS):
    return gpu_attention.latency_s(*shape, kind, gpu, constants)


@given(st.lists(shapes(), min_size=1, max_size=20))
def test_an_array_equals_its_scalars(made):
    together = latency(*np.array(made).T)
    assert together.shape == (len(made),)
    np.testing.assert_allclose(together, [latency(*shape) for shape in made], rtol=1e-13)


def test_a_grid_over_devices_and_constants_equals_its_cells():
    gpus = [replace(hardware.gpu(name), sources={}) for name in ("h100_sxm", "a100_sxm", "l40s")]
    constants = [CONSTANTS, replace(CONSTANTS, packing=0.0)]
    shape = (8.0, 300.0, 300.0, 32.0, 8.0, 128.0, 0.0)
    found = latency(*shape, gpu=mesh(gpus, constants)[0], constants=mesh(gpus, constants)[1])
    assert found.shape == (3, 2)
    for (i, j), cell in np.ndenumerate(found):
        assert cell == pytest.approx(latency(*shape, gpu=gpus[i], constants=constants[j]), rel=1e-13)


@given(shapes(), st.floats(1.0, 8.0))
def test_a_better_device_is_never_slower(shape, factor):
    base = latency(*shape) * (1 + 1e-9)
    peaks = replace(H100.peak_flops, bf16=H100.peak_flops.bf16 * factor)
    for better in (
        replace(H100, memory_bytes_per_s=H100.memory_bytes_per_s * factor),
        replace(H100, l2_bytes=H100.l2_bytes * factor),
        replace(H100, peak_flops=peaks),
    ):
        assert latency(*shape, gpu=better) <= base


@given(shapes("ctx"), st.floats(1.0, 8.0))
def test_a_longer_prompt_is_never_faster(shape, factor):
    batch, queries, _, *rest = shape
    longer = np.ceil(queries * factor)
    assert latency(batch, longer, longer, *rest) >= latency(*shape) * (1 - 1e-9)


@given(shapes("gen"), st.floats(1.0, 8.0))
def test_a_longer_context_is_never_faster(shape, factor):
    batch, one, keys, *rest = shape
    assert latency(batch, one, np.ceil(keys * factor), *rest, kind=GEN) >= latency(*shape, kind=GEN) * (1 - 1e-9)


@given(shapes("gen"))
def test_a_narrower_cache_is_never_slower(shape):
    assert latency(*shape, kind=GEN8) <= latency(*shape, kind=GEN) * (1 + 1e-9)


@given(shapes(), st.sampled_from([128.0, 512.0]))
def test_a_window_is_never_slower_where_a_tile_holds_as_many_heads(shape, window):
    packs = replace(CONSTANTS, packing=1.0)
    *others, _ = shape
    edge_s = 2 * gpu_attention.KEY_BLOCK / shape[2] + 1e-9
    assert latency(*others, window, constants=packs) <= latency(*others, 0.0, constants=packs) * (1 + edge_s)


@given(st.integers(1, 500), st.integers(0, 500), st.sampled_from([0, 1, 7, 128, 2000]))
def test_kept_keys_are_those_of_the_mask(queries, before, window):
    keys = queries + before
    expected = kept_fraction(queries, keys, causal=True, window=window) * keys
    found = gpu_attention.kept_keys(float(queries), float(keys), float(window or np.inf))
    assert found == pytest.approx(expected, rel=1e-12)


def test_both_directions_do_about_twice_the_causal_work():
    shape = (64.0, 4096.0, 4096.0, 16.0, 16.0, 128.0, 0.0)
    assert 1.8 < latency(*shape, kind=replace(CTX, causal=False)) / latency(*shape) < 2.0


def test_terms_and_bounds():
    shape = (np.array([1.0, 64.0, 64.0]), np.array([1.0, 1.0, 8192.0]), np.array([2.0, 8192.0, 8192.0]))
    parts = gpu_attention.terms(*shape, 32.0, 8.0, 128.0, 0.0, CTX, H100, CONSTANTS)
    np.testing.assert_allclose(parts.latency_s, latency(*shape, 32.0, 8.0, 128.0, 0.0), rtol=1e-13)
    assert bound(parts).tolist() == ["latency", "memory", "compute"]


def test_few_long_sequences_split_their_keys():
    parts = gpu_attention.terms(1.0, 1.0, 65536.0, 32.0, 8.0, 128.0, 0.0, GEN, H100, CONSTANTS)
    assert parts.parts > 8
    many = gpu_attention.terms(256.0, 1.0, 1024.0, 32.0, 8.0, 128.0, 0.0, GEN, H100, CONSTANTS)
    assert many.parts == 1


def test_a_cache_within_l2_beats_the_dram_roofline():
    l40s = hardware.gpu("l40s")
    shape = (1.0, 1.0, 16384.0, 32.0, 8.0, 128.0, 0.0)
    within = gpu_attention.terms(*shape, GEN, l40s, CONSTANTS)
    without = gpu_attention.terms(*shape, GEN, replace(l40s, l2_bytes=1e3), CONSTANTS)
    assert within.memory_s < 4.0 * 16384 * 8 * 128 / l40s.memory_bytes_per_s < without.memory_s


def test_a_pipe_that_is_missing_gives_nan():
    shape = (1.0, 64.0, 64.0, 8.0, 8.0, 128.0, 0.0)
    assert np.isnan(latency(*shape, kind=attention_kind.named("ctx_fp8"), gpu=hardware.gpu("a100_sxm")))


def test_an_unknown_kind_lists_near_names():
    with pytest.raises(UnknownNameError, match="did you mean ctx_bfloat16"):
        attention_kind.named("ctx_bfloat")
