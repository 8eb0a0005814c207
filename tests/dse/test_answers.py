"""Right and wrong answers as columns of a space: from how often one sample of a model is right."""

import numpy as np
import pytest

from costmodel.quality.majority_vote import majority_accuracy
from dse import Space
from dse.designs import metrics
from dse.sweep import sweep

SPACE = {
    "axes": {
        "model": {"model": "zoo:llama-3.2-1b", "phase": "decode", "context": 64, "correct": 0.6},
        "device": "a100_sxm",
        "precision": "bf16",
        "strategy": ["none", {"name": "best_of_n", "samples": [3, 9]}, "revisions"],
    },
    "objectives": ["wrong_answers", "latency_s"],
    "metrics": ["right_answers"],
    "rows": True,
}


def test_columns_are_the_laws_of_the_strategies(tmp_path):
    run = sweep(Space.read(SPACE), tmp_path / "run")
    assert run.counts.unknown == 1, "nobody knows how often a revised answer is right"
    wrong = sorted(run.front.values[:, 0])
    assert wrong == pytest.approx(sorted(1 - majority_accuracy(n, 0.6) for n in (1, 3, 9)))
    assert run.front.values[:, 0] + run.front.values[:, 2] == pytest.approx(np.ones(3))


def test_single_designs_have_them_too():
    space = Space.read(SPACE | {"rows": False})
    found = metrics(space, {"strategy": [0, 1, 2, 3]}, ("wrong_answers", "latency_s"))
    assert found["wrong_answers"][:3] == pytest.approx([1 - majority_accuracy(n, 0.6) for n in (1, 3, 9)])
    assert np.isnan(found["wrong_answers"][3])


def test_flops_are_matched_over_a_life(tmp_path):
    """A model that is used little answers more often; one that is used much is trained larger."""
    told = {}
    for ratio in (0.01, 100):
        axes = SPACE["axes"] | {
            "model": [
                {"model": "zoo:llama-3.2-1b", "phase": "decode", "context": 64, "correct": 0.6},
                {"model": "zoo:llama-3.1-8b", "phase": "decode", "context": 64, "correct": 0.75},
            ],
            "strategy": ["none", {"name": "best_of_n", "samples": [3, 5, 7, 9, 15, 31]}],
        }
        objectives = ["wrong_answers", f"6 * params + {ratio} * flops"]
        space = Space.read({"axes": axes, "objectives": objectives})
        front = sweep(space, tmp_path / str(ratio)).front
        values, index = front.values, front.index
        enough = np.flatnonzero(values[:, 0] < 0.16)
        told[ratio] = space.design(int(index[enough[values[enough, 1].argmin()]]))["model"]["model"]
    assert told == {0.01: "zoo:llama-3.2-1b", 100: "zoo:llama-3.1-8b"}


def test_what_it_needs_is_said():
    model = {key: value for key, value in SPACE["axes"]["model"].items() if key != "correct"}
    with pytest.raises(ValueError, match="right_answers needs correct of the models"):
        Space.read(SPACE | {"axes": SPACE["axes"] | {"model": model}})
    with pytest.raises(ValueError, match=r"'model.correct' takes a share within \[0, 1\], got 1.5"):
        Space.read(SPACE | {"axes": SPACE["axes"] | {"model": model | {"correct": 1.5}}})


def test_a_trace_is_part_of_a_space_s_identity(tmp_path):
    trace = tmp_path / "acceptance.txt"
    axes = SPACE["axes"] | {"strategy": {"name": "specdec_plus_plus", "trace": str(trace)}}
    hashes = set()
    for rate in ("0.9", "0.5"):
        trace.write_text(rate)
        hashes.add(Space.read({"axes": axes, "objectives": ["latency_s"]}).hash)
    assert len(hashes) == 2
