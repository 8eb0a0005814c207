"""What a vision-language model is predicted to get wrong, by the published law, as a column of designs."""

from typing import Any

import numpy as np

from costmodel.quality.vlm_law import error
from costmodel.strategies import Then, strategy
from costmodel.strategies.visual_tokens import VisualTokens
from costmodel.workload import Workload


def vlm_error(workload: Workload, spelled: Any) -> float:
    """Return the downstream error of a language model of that size on the tokens that a design's strategy keeps.

    nan where no step of it is visual_tokens: then nothing says how many tokens an image takes. ValueError for what is
    no language model.
    """
    if not any(op.kind == "embedding" for op in workload.ops):
        raise ValueError(f"vlm_error is of language models, {workload.name} looks up no tokens")
    found = strategy(spelled)
    steps = found.steps if isinstance(found, Then) else (found,)
    kept = [step.kept for step in steps if isinstance(step, VisualTokens)]
    if not kept:
        return np.nan
    return float(error(params=sum(op.params for op in workload.ops), visual_tokens=kept[-1]))
