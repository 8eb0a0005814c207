"""MegaScale: training a model of 175e9 parameters on up to 12288 GPUs, and what its table says against its arithmetic.

Jiang et al., MegaScale: Scaling Large Language Model Training to More Than 10,000 GPUs, arXiv 2402.15627, table 2: 96
layers of width 12288 with 128 heads on 2048 tokens, tensor and pipeline parallelism of 8, 6 chunks a stage, A100 of 312
TFLOP/s. Iteration times are hardware; throughput and days are these converted, and MFU follows from the throughput,
which has more digits, by the FLOPs of a token. These count every score of attention: MegaScale's rows have sliding
windows, whose width is not published, so that their MFU here lies above theirs.
"""

from functools import partial

from costmodel.claim import Claim
from costmodel.estimators.training import days, flops_per_token, tokens_per_s, utilisation
from costmodel.hardware import gpu

SYSTEM = "MegaScale"

SOURCE = "Jiang et al., MegaScale, arXiv 2402.15627, table 2"

ABSTRACT = "Jiang et al., MegaScale, arXiv 2402.15627, abstract"

STEPS = "Jiang et al., MegaScale, arXiv 2402.15627, ablation on 256 GPUs"

LAYERS, WIDTH, HEADS, SEQUENCE, VOCAB = 96, 12288, 128, 2048, 64000

TENSOR, PIPELINE, INTERLEAVE = 8, 8, 6

TOKENS = 300e9

ROWS = (
    ("Megatron", 256, 768, 40.0, 53.0, 39.3, 88.35),
    ("Megatron", 512, 768, 21.2, 49.9, 74.1, 46.86),
    ("Megatron", 768, 768, 15.2, 46.7, 103.8, 33.45),
    ("Megatron", 1024, 768, 11.9, 44.7, 132.7, 26.17),
    ("MegaScale", 256, 768, 32.0, 65.3, 49.0, 70.86),
    ("MegaScale", 512, 768, 16.5, 63.5, 95.1, 36.51),
    ("MegaScale", 768, 768, 11.5, 61.3, 136.7, 25.4),
    ("MegaScale", 1024, 768, 8.9, 59.0, 176.9, 19.62),
    ("Megatron", 3072, 6144, 29.02, 48.7, 433.6, 8.01),
    ("Megatron", 6144, 6144, 14.78, 47.8, 851.6, 4.08),
    ("MegaScale", 3072, 6144, 23.66, 59.1, 531.9, 6.53),
    ("MegaScale", 6144, 6144, 12.21, 57.3, 1030.9, 3.37),
)  # fmt: skip
"""System, GPUs, sequences a step, and as printed: iteration seconds, MFU in %, thousands of tokens a second, days."""

ABLATION = (
    ("baseline", 47.7),
    ("parallel transformer block", 52.3),
    ("sliding-window attention", 53.3),
    ("tensor overlap", 55.5),
    ("pipeline overlap", 58.0),
    ("data overlap", 59.5),
    ("efficient operators", 61.2),
    ("other improvements", 62.3),
    ("LAMB with three times the batch", 65.3),
)
"""MFU in % on 256 GPUs as each improvement is added."""

AGGREGATE = (("MegaScale", 12288, 55.2, 2166.3), ("Megatron", 256, 53.0, 43.3), ("Megatron", 1024, 44.7, 131.9))
"""System, GPUs, MFU in %, and the aggregate PFLOP/s printed beside it, which it does not give."""


def throughput(batch: int, step_s: float) -> float:
    """Thousands of tokens a second."""
    return float(tokens_per_s(batch, SEQUENCE, step_s) / 1e3)


def mfu_percent(gpus: int, thousands_per_s: float) -> float:
    """MFU in % at so many thousand tokens a second, of the FLOPs of full attention."""
    flops = flops_per_token(LAYERS, WIDTH, SEQUENCE, VOCAB) * 1e3 * thousands_per_s
    return 100.0 * float(utilisation(flops, 1.0, gpus, gpu("a100_sxm").peak_flops.bf16))


def training_days(batch: int, step_s: float) -> float:
    """Days for 300e9 tokens."""
    return float(days(TOKENS, tokens_per_s(batch, SEQUENCE, step_s)))


def aggregate(gpus: int, mfu: float) -> float:
    """PFLOP/s of all GPUs at an MFU in %."""
    return float(gpus * mfu / 100.0 * gpu("a100_sxm").peak_flops.bf16 / 1e15)


_WINDOWS = "full attention is counted here, MegaScale's windows do less and their width is not published"
_ROUNDED = "its throughput makes 47.86 %, printed are 47.8: 0.13 % less, of which rounding explains 0.11 %"
_STEP = "the row's own throughput and days make 32.1 s an iteration, printed is 32.0"


def _row(system: str, gpus: int, batch: int, step_s: float, mfu: float, rate: float, took: float) -> list[Claim]:
    """A row's figures, to half of their last digit and of that of the figure that they follow from."""
    at = f"{system}, {gpus} GPUs, {batch} sequences"
    key = f"{system}_{gpus}"
    step_error = (0.05 if gpus < 3072 else 0.005) / step_s
    above = _WINDOWS if system == "MegaScale" else _ROUNDED if gpus == 6144 else ""
    slower = _STEP if (system, gpus) == ("MegaScale", 256) else ""
    converted = (("thr", "thousand tokens a second", rate, 0.05, partial(throughput, batch, step_s)),
                 ("days", "days for 300e9 tokens", took, 0.005, partial(training_days, batch, step_s)))  # fmt: skip
    return [
        Claim(SYSTEM, f"iter_{key}", f"iteration time, s: {at}", SOURCE, "hardware", step_s),
        *(
            Claim(SYSTEM, f"{i}_{key}", f"{what}, of the iteration time: {at}", SOURCE, "analytic", value, f,
                  half / value + step_error, slower, how="definition")
            for i, what, value, half, f in converted
        ),
        Claim(SYSTEM, f"mfu_{key}", f"MFU, %: {at}", SOURCE, "analytic", mfu, partial(mfu_percent, gpus, rate),
              0.05 / mfu + 0.05 / rate, above),
    ]  # fmt: skip


def _inconsistent(system: str, gpus: int, mfu: float, printed: float) -> Claim:
    gap = f"the table's own MFU of {mfu} % makes {aggregate(gpus, mfu):.1f} PFLOP/s of {gpus} GPUs of 312 TFLOP/s"
    what = f"aggregate PFLOP/s: {system}, {gpus} GPUs"
    return Claim(
        SYSTEM, f"pflops_{system}_{gpus}", what, SOURCE, "analytic", printed, partial(aggregate, gpus, mfu), gap=gap
    )


CLAIMS = (
    *(claim for row in ROWS for claim in _row(*row)),
    *(_inconsistent(*row) for row in AGGREGATE),
    Claim(SYSTEM, "mfu_MegaScale_12288", "MFU, %: MegaScale, 12288 GPUs", ABSTRACT, "hardware", 55.2),
    Claim(SYSTEM, "gain_12288", "MFU over Megatron-LM's, times: 12288 GPUs", ABSTRACT, "hardware", 1.34),
    *(
        Claim(
            SYSTEM,
            f"abl_{i}",
            f"MFU on 256 GPUs, %: {what}",
            STEPS,
            "hardware",
            mfu,
        )
        for i, (what, mfu) in enumerate(ABLATION)
    ),
    Claim(
        "Megatron-LM",
        "peak_3072",
        "share of peak, %: 502 PFLOP/s on 3072 A100",
        "Narayanan et al., Efficient Large-Scale Language Model Training on GPU Clusters, arXiv 2104.04473, abstract",
        "analytic",
        52.0,
        lambda: 100.0 * float(utilisation(502e15, 1.0, 3072, gpu("a100_sxm").peak_flops.bf16)),
        how="definition",
    ),
)
