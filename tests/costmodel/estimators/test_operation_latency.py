"""Library calls on a processor: what each takes amid others is added once a call."""

from dataclasses import replace

import numpy as np
import pytest

from costmodel.estimators import operation_latency
from costmodel.hardware import Cpu, PeakFlops
from costmodel.hardware.calibration import FOLDER, read
from costmodel.precision import precision
from costmodel.record import stack
from costmodel.workload.ops import linear, norm

CPU = Cpu("one_core", PeakFlops(fp32=1e11, vector=1e11), 1e10, 2e10, 1)
CALLS = [linear("fc", 16, 64, 64), replace(norm("norm", 1024.0, 64.0, style="layer"), count=3.0)]


@pytest.fixture(scope="module")
def fits():
    return [replace(fit, device=CPU.name) for fit in read(FOLDER / "h100_sxm_torch_operation.toml")]


def test_each_call_amid_others_takes_that_much_longer(fits):
    alone, amid = (
        operation_latency.predict(stack(CALLS), precision("fp32"), cpu, fits)
        for cpu in (CPU, replace(CPU, amid_s=5e-6))
    )
    for name in ("latency_s", "low_s", "high_s"):
        assert np.asarray(getattr(amid, name) - getattr(alone, name)) == pytest.approx([5e-6, 1.5e-5])
    assert (np.asarray(alone.latency_s) > 0).all()
