"""A GPU's own library calls: rows made from a hidden truth are fitted, and an estimate takes the fit and says so."""

import numpy as np
import pandas as pd
import pytest

import costmodel as cm
from costmodel import hardware
from costmodel.estimators import gpu_latency, operation_kind
from costmodel.estimators.operation_constants import OperationConstants
from costmodel.estimators.operation_model import sizes, terms
from costmodel.hardware.calibration import read
from costmodel.record import changed, stack
from costmodel.workload.ops import attention, conv, elementwise, embedding, linear, norm, softmax
from profilers.fit import calibrate
from profilers.gpu import rates
from profilers.operations.call import call
from profilers.operations.draw import draw
from profilers.split_rows import split

GPU = hardware.gpu("h100_sxm")
FAMILIES = ("conv", "conv_grouped", "attention", "norm", "norm_statistics", "elementwise", "softmax", "embedding")
TRUE = OperationConstants(
    compute_efficiency=0.5, memory_efficiency=0.7, weight_efficiency=0.6, vector_efficiency=0.2, cache_rate=1.6,
    cache_fraction=0.6, overlap=2.5, calls_per_s=4e5, m_half=80.0, n_half=20.0, k_half=30.0, channel_half=4.0,
)  # fmt: skip
CALLS = (
    conv("c", 8, 128, 128, input_size=(28, 28), kernel=(3, 3)),
    conv("g", 8, 96, 96, input_size=(28, 28), kernel=(3, 3), groups=96),
    attention("a", 16, queries=197, keys=197, heads=12, kv_heads=12, head_dim=64, causal=False),
    norm("n", 197 * 768 * 16, 768, style="layer"),
    softmax("s", 256 * 4096),
    embedding("e", 4096, 8192, 1024),
    elementwise("x", 3e6),
)

SHIPPED = ("x",)
"""Calls of which an H100's shipped fit errs no more than one to these rows: it is moved, and stays."""


def truth(op, math):
    return terms(*(np.asarray(x, dtype=float) for x in sizes(op)), operation_kind.named(math), GPU, TRUE).latency_s


def rows_of(math, count, noise, seed):
    rng = np.random.default_rng(seed)
    drawn = [draw(math.rsplit("_", 1)[0], rng, 16.0) for _ in range(count)]
    latency_s = truth(stack([op for op, _ in drawn]), math) * np.exp(rng.normal(0.0, noise, count))
    columns = [call(math, op, build, GPU, "cuda").columns for op, build in drawn]
    named = {"table": "operation", "gpu": GPU.name, "backend": "torch", "math": math}
    return pd.DataFrame(columns).assign(**named, latency_s=latency_s)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder, patch = tmp_path_factory.mktemp("home"), pytest.MonkeyPatch()
    patch.setenv("BITFRONT_HOME", str(folder))
    rows = pd.concat([rows_of(f"{name}_bf16", 60, 0.02, seed) for seed, name in enumerate(FAMILIES)])
    calibrate(rows.reset_index(drop=True))
    yield folder
    patch.undo()


def test_the_hidden_truth_is_predicted_for_calls_that_no_row_has(home):
    fits = {fit.math: fit for fit in read(home / "calibrations" / "h100_sxm_operation.toml")}
    assert set(fits) == {f"{name}_bf16" for name in FAMILIES}
    found = gpu_latency.predict(stack(CALLS), cm.precision("bf16"), GPU)
    moved = np.array([op.name in SHIPPED for op in CALLS])
    assert found.how.tolist() == np.where(moved, "transferred (torch)", "calibrated (torch)").tolist()
    for op, latency_s, low_s, high_s in zip(CALLS, found.latency_s, found.low_s, found.high_s, strict=True):
        (math,) = operation_kind.math(stack([op]), stack([cm.precision("bf16")]))
        exact = float(truth(op, math))
        assert latency_s == pytest.approx(exact, rel=0.08), op.name
        assert low_s < exact < high_s, op.name


def test_an_estimate_of_a_network_takes_the_fits_and_names_them(home):
    found = cm.estimate(cm.zoo.build("resnet18", batch=8), "bf16", GPU)
    by = dict(zip([op.name for op in found.workload.ops], found.source, strict=True))
    assert by["conv1"] == by["layer1.0.conv1"] == "calibrated (torch)"
    assert by["fc"] == "calibrated (pooled trtllm, vllm)"
    assert found.latency_sources["calibrated"] > 0.8


def test_products_causal_attention_and_fused_ops_keep_their_models(home):
    causal = attention("p", 1, queries=64, keys=64, heads=8, kv_heads=8, head_dim=64, causal=True)
    ops = [linear("fc", 64, 4096, 4096), causal, changed(elementwise("x", 64.0), launches=0.0)]
    how = gpu_latency.predict(stack(ops), cm.precision("bf16"), GPU).how
    assert how.tolist() == ["calibrated (pooled trtllm, vllm)", "calibrated (vllm)", "fused (in the kernel before it)"]


def test_fp16_takes_the_fits_of_bf16_with_less_trust(home):
    ops = stack(CALLS)
    own, lent = (gpu_latency.predict(ops, cm.precision(name), GPU) for name in ("bf16", "fp16"))
    np.testing.assert_allclose(lent.latency_s, own.latency_s)
    moved = np.array([op.name in SHIPPED for op in CALLS])
    assert set(lent.how[~moved]) == {"transferred (fp16 as bf16 of torch)"}
    assert set(lent.how[moved]) == {"transferred (fp16 as bf16, torch)"}
    assert (lent.high_s[~moved] > 1.1 * own.high_s[~moved]).all()
    assert (gpu_latency.predict(ops, cm.precision("fp32"), GPU).how != "calibrated (torch)").all()


def test_other_devices_know_nothing_of_it(home):
    assert "calibrated (torch)" not in gpu_latency.predict(stack(CALLS), cm.precision("bf16"), cm.gpu("l40s")).how


def test_copies_and_launches_are_fitted_as_calls_that_show_the_plateaus(tmp_path):
    made = [c for c in rates.calls(GPU) if c.math in ("copy", "read", "launch")]
    rows = pd.DataFrame([{"table": c.table, "math": c.math, **c.columns} for c in made])
    rows = rows.assign(gpu=GPU.name, backend="torch", latency_s=2.5e-6 + rows["bytes"] / GPU.memory_bytes_per_s)
    sums = rows_of("elementwise_fp32", 20, 0.02, 3)
    (calls,) = split(pd.concat([rows, sums], ignore_index=True))
    shown = calls[calls["bytes"].notna()]
    assert len(calls) == len(sums) + (rows.math != "read").sum()
    assert (shown.math == "elementwise_fp32").all()
    moved = 4.0 * (shown.input_elements + shown.output_elements)
    np.testing.assert_allclose(moved[shown["bytes"] > 0], shown["bytes"][shown["bytes"] > 0])
    calibrate(pd.concat([rows, sums], ignore_index=True), folder=tmp_path)
    (fit,) = read(tmp_path / "h100_sxm_operation.toml")
    assert fit.rows == len(calls)
