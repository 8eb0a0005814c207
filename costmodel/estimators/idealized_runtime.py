"""The idealized runtime of a text: the prompt's time, and as much again for every further token whatever came before.

Narayanan et al., Cheaply Evaluating Inference Efficiency Metrics for Autoregressive Transformer APIs, arXiv 2305.02440:
T(p, o) = F(p) + (o - 1) beta. F(p) is the time to the first token, beta the time per output token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from costmodel.catalog import read_toml
from costmodel.claim import Claim
from costmodel.record import Real

POINTS = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class RuntimeFit:
    """`first_token_s` by prompt tokens, and `token_s` for each token after the first."""

    first_token_s: Mapping[int, float]
    token_s: float

    def runtime_s(self, prompt_tokens: int, output_tokens: Real) -> Real:
        """Time of a text; KeyError for a prompt that was not measured."""
        return runtime_s(self.first_token_s[prompt_tokens], self.token_s, output_tokens)


def runtime_s(first_token_s: Real, token_s: Real, output_tokens: Real) -> Real:
    """F(p) + (o - 1) beta; all broadcast. ValueError for fewer than one output token."""
    if np.any(np.asarray(output_tokens) < 1):
        raise ValueError(f"output_tokens must be at least 1, got {np.min(output_tokens)}")
    return first_token_s + (np.asarray(output_tokens) - 1) * token_s


def fit(times_s: Mapping[int, Sequence[float]], output_tokens: Sequence[int]) -> RuntimeFit:
    """Fit both terms to times by prompt tokens, each at the same output tokens, of which the first must be 1.

    As that repository's notebooks/fit_runtimes.py does: F(p) is the time of one output token, beta the slope of a line
    with an intercept through what the others take longer, over all prompts together.
    """
    if not times_s or output_tokens[0] != 1 or len(output_tokens) < 2:
        raise ValueError(f"a fit needs prompts with times of 1 and more output tokens, got {list(output_tokens)}")
    first = {prompt: float(row[0]) for prompt, row in times_s.items()}
    longer = np.concatenate([np.asarray(row) - row[0] for row in times_s.values()])
    slope, _ = np.polyfit(np.tile(np.asarray(output_tokens, dtype=np.float64), len(times_s)), longer, 1)
    return RuntimeFit(first, float(slope))


@cache
def _read() -> dict[str, Any]:
    return read_toml(POINTS)


def models() -> tuple[str, ...]:
    """Names of the models that were timed on A100s."""
    return tuple(name for name, table in _read().items() if isinstance(table, dict))


def timed(model: str) -> dict[int, list[float]]:
    """Seconds by prompt tokens and output tokens as the logs have them, those of a part of the layers scaled to all."""
    table = _read()[model]
    passes = table.get("passes", 1)
    return {int(prompt): [passes * t for t in row] for prompt, row in table.items() if prompt.isdecimal()}


def published(model: str) -> RuntimeFit:
    """What the authors fitted, at the prompts that are listed."""
    table = _read()[model]
    first = {int(prompt): float(s) for prompt, s in table["published_first_token_s"].items()}
    return RuntimeFit(first, table["published_token_s"])


def _refit(model: str) -> RuntimeFit:
    return fit(timed(model), _read()["output_tokens"])


_JSON = "arXiv 2305.02440; github.com/stanford-crfm/helm-efficiency, processed_jsons/inference_idealized_runtimes.json"
_LOGS = "github.com/stanford-crfm/helm-efficiency, logs/a100, 512 prompt and 64 output tokens"


def _claims(model: str) -> list[Claim]:
    law, rows = published(model), timed(model)
    name = model.replace("_", "-")
    found = [
        Claim("Idealized runtime", f"{name}-token", f"{name}: s an output token, refitted to logs, to 2 %", _JSON,
              "analytic", law.token_s, lambda: _refit(model).token_s, how="refit"),
    ]  # fmt: skip
    for prompt, s in law.first_token_s.items():
        told = f"{name}-first-{prompt}", f"{name}: s to the first token of a prompt of {prompt}", _JSON
        found.append(Claim("Idealized runtime", *told, "hardware", s))
    if 512 in rows and "passes" not in _read()[model]:
        whole = Claim("Idealized runtime", f"{name}-512-64", f"{name}: s of 512 prompt and 64 output tokens, to 2 %",
                      _LOGS, "analytic", rows[512][-1], lambda: float(law.runtime_s(512, 64)),
                      how="fitted")  # fmt: skip
        found.append(whole)
    return found


CLAIMS = tuple(claim for model in models() for claim in _claims(model))
