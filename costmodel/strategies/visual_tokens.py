"""Visual-token compression: a language model reads an image in fewer tokens than its encoder makes.

Li et al., Inference Optimal VLMs Need Fewer Visual Tokens and More Parameters, arXiv 2411.03312; the encoder and the
projector that compresses are outside of the language model and not counted.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from costmodel.claim import Claim
from costmodel.strategies._shown import Shown
from costmodel.strategies._tokens import Cut, stream
from costmodel.workload import Op, Workload

NAME = "visual_tokens"


@dataclass(frozen=True)
class VisualTokens(Shown):
    """Leave `kept` of the `visual` tokens that an image takes of each sequence's context.

    A prefill reads fewer tokens from the first layer on, a decode attends to fewer. kept = visual changes nothing.
    ValueError unless 1 <= kept <= visual, for a context that is not longer than `visual`, and for other passes.
    """

    visual: int = 576
    kept: int = 16
    prunes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 1 <= self.kept <= self.visual:
            raise ValueError(f"1 <= kept <= visual must hold, got kept={self.kept}, visual={self.visual}")

    def __call__(self, workload: Workload) -> Workload:
        """Return the pass on the shorter context."""
        if self.kept == self.visual:
            return workload
        keys = next((int(op.heads.keys or op.n) for op in workload.ops if op.kind == "attention"), 0)
        if workload.phase not in ("prefill", "decode") or keys <= self.visual:
            has = f"{workload.name}'s {workload.phase} attends to {keys} tokens"
            raise ValueError(f"visual_tokens takes a prefill or decode with a context beyond {self.visual}, {has}")
        left = keys - self.visual + self.kept
        if workload.phase == "decode":
            return workload.map(lambda op: _attends_to(op, keys, left), lambda op: op.kind == "attention")
        whole = stream(workload)
        entry = whole.layers[0].entry
        source, elements = whole.workload.ops[entry], workload.batch * left * whole.width(entry)
        joined = Op(
            f"{source.name}.{NAME}", "elementwise", (source.name,), source.count, input_elements=elements,
            output_elements=elements,
        )  # fmt: skip
        return whole.shortened({entry: Cut(joined, left)})


def _attends_to(op: Op, keys: int, left: int) -> Op:
    """A decode's attention to `left` of `keys` tokens; ValueError for another number of keys, as of a window."""
    if op.n != keys or op.m != 1:
        has = f"a window of {op.heads.window:g}" if op.heads.window else f"{op.n:g} keys"
        raise ValueError(f"visual_tokens takes layers that attend to all {keys} tokens, {op.name} has {has}")
    names = ("kv_elements", "vector_flops")
    fewer = {name: getattr(op, name) / keys * left for name in names}
    return replace(op, n=left, heads=replace(op.heads, keys=left if op.heads.keys else 0), **fewer)


CLAIMS: tuple[Claim, ...] = ()
"""Its FLOPs are 2 N (50 + V), of which no figure is printed; the law's are costmodel/quality/vlm_law.py's."""

EXAMPLES = (VisualTokens(200, 16), VisualTokens(64, 1))
IDENTITIES = (VisualTokens(64, 64),)
