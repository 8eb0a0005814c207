"""Progressive Gradient Flow: one of four weights of a digits CNN left, by three schedules of its training."""

from collections.abc import Iterator
from typing import Any

from app.study.cut import NETWORKS
from app.study.row import Row


def rows(seed: int) -> Iterator[Row]:
    """Yield the network trained on as long without masks, and every schedule.

    A schedule costs the FLOPs of its training over those of as many dense steps, by its strategy; beside are the
    products that are left at its end, and the mean share of weights that its forwards used.
    """
    from app.demo import left_out
    from costmodel.strategies.decaying_mask import DecayingMask, training_flops
    from dse.compression import fine_tune

    (on,) = left_out.subjects(seed, ("cnn",))
    dense = training_flops(DecayingMask(1, 1), on.whole)

    def row(setting: str, how: DecayingMask, module: Any, used: float) -> Row:
        cut = on.row("", setting, how(on.whole), module)
        beside = {"products left": cut.macs, "weights used": used}
        cost = training_flops(how, on.whole) / dense
        return Row(NETWORKS["cnn"], setting, "training FLOPs", cost, "right answers", cut.accuracy, seed, beside)

    tuned = fine_tune(on.module, on.data["train"], epochs=left_out.TUNED)
    yield row("dense, trained on", DecayingMask(1, 1), tuned, 1.0)
    for how, done in left_out.decayed(on):
        yield row(f"{how.n}:{how.m} weights {how.schedule}", how, done.module, done.mean_density)
