"""What an option costs in quality, measured on a network or estimated without data."""

from dse.sensitivity.data_free import noise_to_signal, sqnr_loss
from dse.sensitivity.evaluate import accuracy, mean_loss
from dse.sensitivity.fake_quantize import apply
from dse.sensitivity.layers import quantisable
from dse.sensitivity.loss import Sensitivity, measure
from dse.sensitivity.predictions import predictions
from dse.sensitivity.ranges import Range, observe

__all__ = [
    "Range", "Sensitivity", "accuracy", "apply", "mean_loss", "measure", "noise_to_signal", "observe", "predictions",
    "quantisable", "sqnr_loss",
]  # fmt: skip
