"""AdaPT: a digits network trained in fixed point, each layer at the least word length that keeps its weights."""

from collections.abc import Iterator
from copy import deepcopy

from app.study.row import Row
from dse.compression.masked_training import fit
from dse.compression.word_lengths import as_trained, train
from dse.sensitivity.evaluate import accuracy
from dse.sensitivity.layers import select

LIMITS = (0.005, 0.02, 0.1)
"""Divergence in nats that counts as no loss."""
EPOCHS = 12


def rows(seed: int) -> Iterator[Row]:
    """Yield float32 and every limit, with the MACs of the training weighted by word length and density, and what the
    weights that it ends with take."""
    import torch

    from app.demo.network import DigitsNet, digits, use_one_thread
    from costmodel.importers import torch_export

    use_one_thread()
    data = digits(seed)
    torch.manual_seed(seed)
    start = DigitsNet()
    workload = torch_export.read(deepcopy(start).eval(), (data["test"][0][:1],))

    def row(setting: str, share: float, right: float) -> Row:
        return Row("digits CNN", setting, "weighted MACs of training", share, "right answers", right, seed)

    whole = deepcopy(start)
    fit(whole, data["train"], epochs=EPOCHS, seed=seed)
    yield row("float32", 1.0, accuracy(whole, data["test"]))
    for limit in LIMITS:
        module = deepcopy(start)
        trace = train(module, data["train"], epochs=EPOCHS, limit=limit, seed=seed)
        ops = [workload.op(name) for name in select(module, trace.layers)]
        macs, weights = ([float(getattr(op, name)) for op in ops] for name in ("macs", "weight_elements"))
        with as_trained(module, trace):
            right = accuracy(module, data["test"])
        bits = ", ".join(map(str, trace.word_lengths[-1]))
        stored = f"{trace.size_ratio(weights):.0%} of float32's weight bytes"
        yield row(f"limit {limit}: {bits} bits, {stored}", 1 / trace.training_speedup(macs), right)
