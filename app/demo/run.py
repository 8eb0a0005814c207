"""Train, measure, optimise for an FPGA and for a GPU, test, report."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import costmodel as cm
import dse
from app.demo import network
from app.optimization import Question, optimise
from app.progress import bar, working
from app.report import write
from app.text import to_json
from costmodel.estimators.fpga import fold
from costmodel.files import write_atomically

MODEL = "torch:app.demo.network:build"

FPGA = "pynq_z1"
FPGA_FORMATS = tuple(f"int{bits}" for bits in range(2, 9))
FPGA_ROOM = "int4"
"""The FPGA plan may take the LUTs of the uniform design in this format, at the speed of the widest."""

GPU = "h100_sxm"
GPU_FORMATS = ("int4/bf16", "int8/int8", "fp8_e4m3/fp8_e4m3", "bf16/bf16")
GPU_BATCH = 256
BITS_A_WEIGHT = 6
"""The GPU plan may take as many bytes as if each weight had this many bits."""

LEAD = (
    "A residual network trained on scikit-learn's handwritten digits. What every layer loses at every format is "
    "measured on training images; an integer program picks the formats; accuracy is that of the held-out test images. "
    f"On the FPGA a pass is one image, on the GPU {GPU_BATCH}: their times and energies are not for the same work."
)


def run(out: Path) -> dict[str, Any]:
    """Write report.html and report.json into a folder, made if needed, and return what report.json holds."""
    out.mkdir(parents=True, exist_ok=True)
    network.use_one_thread()
    data = network.digits()
    with bar("Training on digits") as progress:
        module = network.train(data["train"], progress=progress)
    runs = {"fpga": _fpga(module, data), "gpu": _gpu(module, data)}
    write(runs, out / "report.html", title="bitfront demo: digits on an FPGA and a GPU", lead=LEAD)
    write_atomically(out / "report.json", to_json(runs))
    return runs


def _fpga(module: Any, data: dict[str, Any]) -> dict[str, Any]:
    device = cm.fpga(FPGA)
    with bar(f"Sensitivities for {FPGA}") as progress:
        choices = dse.choices(module, FPGA_FORMATS, data["calibration"], progress=progress)
        problem = choices.on(device)
    widest = fold(choices.workload, problem.options[problem.rest], device)
    choices = replace(choices, design=lambda *_: widest)  # every design is as fast as the widest format's
    room = problem.estimate(problem.uniform(FPGA_FORMATS.index(FPGA_ROOM))).totals["lut"]
    budgets = [dse.metric.lut <= room]
    question = Question(MODEL, FPGA, device, choices, budgets, test=data["test"], same_cost=("weight_bytes", "lut"))
    with working(f"Optimising for {FPGA}"):
        return optimise(question) | {
            "budgets_from": f"the LUTs of uniform {FPGA_ROOM}, at the speed of the widest format"
        }


def _gpu(module: Any, data: dict[str, Any]) -> dict[str, Any]:
    device = cm.gpu(GPU)
    with bar(f"Sensitivities for {GPU}") as progress:
        choices = dse.choices(module, GPU_FORMATS, data["calibration"], batch=GPU_BATCH, progress=progress)
        problem = choices.on(device)
    widest = problem.estimate(problem.uniform(len(GPU_FORMATS) - 1)).totals["weight_bytes"]
    budgets = [dse.metric.weight_bytes <= int(BITS_A_WEIGHT / 16 * widest)]
    question = Question(MODEL, GPU, device, choices, budgets, test=data["test"], same_cost=("weight_bytes",))
    with working(f"Optimising for {GPU}"):
        return optimise(question) | {"budgets_from": f"{BITS_A_WEIGHT} bits a weight instead of 16"}
