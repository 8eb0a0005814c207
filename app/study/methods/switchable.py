"""HASB: one stored digits CNN trained for 8, 6, 4 and 2 bits, widths drawn by layer and step, beside plain training."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from app.study.row import Row
from costmodel.strategies.double_rounding import apart_bits, storage_bits
from dse.compression.batch_norms import reestimate_batch_norms
from dse.compression.fine_tune import fine_tune
from dse.compression.switchable import at_width, train
from dse.sensitivity import accuracy, quantisable
from dse.sensitivity.hessian import hessian_trace

WIDTHS = (8, 6, 4, 2)
EPOCHS = 12


def rows(seed: int) -> Iterator[Row]:
    """Yield every width of one store: of plain training, of widths drawn evenly, and drawn by sensitivity (HASB).

    Batch norms find their statistics anew at each width, as few values of their own for it.
    """
    from app.demo import network

    network.use_one_thread()
    data = network.digits(seed)
    module: Any = network.train(data["train"], seed=seed)
    layers = quantisable(module)
    traces = [trace.trace for trace in hessian_trace(module, data["calibration"], layers).values()]
    stored = float(storage_bits(WIDTHS))

    def row(setting: str, bits: float, right: float) -> Row:
        return Row("digits CNN", setting, "bits a weight stored", bits, "right answers", right, seed)

    yield row("fp32", 32.0, accuracy(module, data["test"]))
    even, drawn = deepcopy(module), deepcopy(module)
    for twin, sensitivities in ((even, None), (drawn, traces)):
        train(twin, layers, data["train"], widths=WIDTHS, sensitivities=sensitivities, epochs=EPOCHS, seed=seed)
    plain: Any = fine_tune(module, data["train"], epochs=EPOCHS)
    for how, trained in (("plain", plain), ("drawn evenly", even), ("HASB", drawn)):
        for bits in WIDTHS:
            twin = at_width(trained, layers, stored_bits=storage_bits(WIDTHS), bits=bits)
            normed = reestimate_batch_norms(twin, data["train"][0])
            yield row(f"{bits} bits, {how}", stored, accuracy(normed, data["test"]))
    yield row("a copy for each width", float(apart_bits(WIDTHS)), accuracy(plain, data["test"]))
