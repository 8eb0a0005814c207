"""Batch-norm re-estimation: running statistics of the network as it is now, quantised.

Hubara, Nahshan, Hanani, Banner, Soudry, Improving Post Training Neural Quantization: Layer-wise Calibration and Integer
Programming, arXiv 2006.10518, batch-normalisation tuning: rounded weights change the statistics that it was trained on.
"""

import copy
from typing import TYPE_CHECKING

from dse.sensitivity.calls import Inputs, run, split

if TYPE_CHECKING:
    import torch


def reestimate_batch_norms(module: "torch.nn.Module", inputs: Inputs, *, batch_size: int = 256) -> "torch.nn.Module":
    """Return a twin whose batch norms have their inputs' mean and variance over `inputs`, averaged over batches.

    On the way each batch is normalised by its own statistics. Batch norms that keep none stay as they are.
    """
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    twin = copy.deepcopy(module).eval()
    norms = [p for p in twin.modules() if isinstance(p, _BatchNorm) and p.track_running_stats]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.train()
        norm.momentum = None
    if norms:
        with torch.no_grad():
            for arguments in split(inputs, batch_size):
                run(twin, arguments)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
    return twin
