"""Calls of a processor whose like nobody measured there: the roofline, in validate as in estimate."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from costmodel.estimators import operation_latency
from costmodel.estimators.operation_kind import math
from costmodel.estimators.operation_model import OPERATION, SIZES, sizes
from costmodel.estimators.transfer import donors, lent_to
from costmodel.hardware import Cpu, PeakFlops, gpu, save
from costmodel.hardware.calibration import FOLDER, read
from costmodel.precision import precision
from costmodel.record import stack
from costmodel.workload.ops import activation, conv, linear, norm
from profilers.fit import validate

CPU = Cpu("one_core", PeakFlops(fp32=1e11, vector=5e10), 1e10, 2e10, 1)
OPS = [
    linear("fc", 64, 256, 256, bias=False),
    conv("c", 1, 16, 16, input_size=(14, 14), kernel=(3, 3), padding=(1, 1), bias=False),
    norm("n", 4096.0, 64.0, style="layer"),
    activation("a", 4096.0, function="gelu"),
]


@pytest.mark.parametrize("level", ["auto", "transfer", "spec"])
def test_validate_takes_the_roofline_that_estimate_takes(home, level):
    save.write(CPU, home / "cpus" / "one_core.toml")
    ops = stack(OPS)
    wanted = operation_latency.predict(ops, precision("fp32"), CPU, ())
    columns = {name: np.broadcast_to(x, len(OPS)) for name, x in zip(SIZES, sizes(ops), strict=True)}
    rows = pd.DataFrame({"gpu": CPU.name, "math": math(ops, precision("fp32")), "backend": "torch", **columns})
    found = validate(rows.assign(latency_s=wanted.latency_s), level)
    assert set(found.how) == {"roofline (no such call measured)"}
    for column, value in (("predicted_s", wanted.latency_s), ("low_s", wanted.low_s), ("high_s", wanted.high_s)):
        assert found[column].to_numpy() == pytest.approx(value)


def test_products_of_a_processor_are_library_calls(home):
    save.write(CPU, home / "cpus" / "one_core.toml")
    rows = pd.DataFrame(
        {"gpu": CPU.name, "math": "float32", "m": [64, 64], "n": 256, "k": [64, 256], "latency_s": 1e-4}
    )
    with pytest.raises(ValueError, match="one_core is a processor: its rows are of library calls, like linear_fp32"):
        validate(rows)


def test_constants_of_processors_and_gpus_are_not_lent_to_each_other(home):
    save.write(CPU, home / "cpus" / "one_core.toml")
    h100 = next(fit for fit in read(FOLDER / "h100_sxm_torch_operation.toml") if fit.math == "norm_bf16")
    own = replace(h100, device=CPU.name, by_name=False)
    assert lent_to(CPU, [h100, own]) == []
    assert donors(OPERATION, "norm_bf16", gpu("l4"), [h100, own], "torch") == (h100,)
