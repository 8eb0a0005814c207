"""What a vision-language model is predicted to get wrong, by the published law, as a column of designs."""

from typing import Any

import numpy as np

from costmodel.quality.vlm_law import error
from costmodel.strategies import strategy
from costmodel.strategies._then import steps_of
from costmodel.strategies.visual_tokens import VisualTokens
from dse.passes import Pass, is_pruned


def vlm_error(done: Pass, spelled: Any) -> float:
    """Return the downstream error of a language model of that size on the tokens that a design's strategy keeps.

    Of the whole network, however a pass runs it. nan where no step is visual_tokens (then nothing says how many tokens
    an image takes) and where weights are pruned: the law was fitted to dense models. ValueError for what is no language
    model.
    """
    if not any(op.kind == "embedding" for op in done.network.ops):
        raise ValueError(f"vlm_error is of language models, {done.network.name} looks up no tokens")
    kept = [step.kept for step in steps_of(strategy(spelled)) if isinstance(step, VisualTokens)]
    if not kept or is_pruned(done.workload):
        return np.nan
    return float(error(params=sum(op.params for op in done.network.ops), visual_tokens=kept[-1]))
