"""Search where the objective does not add up over layers: candidates are measured, the integer program's plans first.

Tree-structured Parzen estimators (Bergstra et al., Algorithms for Hyper-Parameter Optimization, NeurIPS 2011) by
Optuna, whose study is a journal file or a database: the same call resumes it, and several processes may share it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costmodel.catalog import require
from dse.metric import Budget
from dse.pareto import mask
from dse.problem import Problem

if TYPE_CHECKING:
    import optuna

Ints = NDArray[np.int64]

Evaluate = Callable[[Ints], "float | Sequence[float]"]
"""What is minimised: of a choice int[layers], one number or several, e.g. the measured error and the latency."""

MOST_ASKED = 50
"""Candidates looked at for each that is evaluated: those over a budget, or seen before, cost nothing."""

STARTUP = 10
"""Random candidates before the sampler follows what it has learnt: Optuna's default."""


@dataclass(frozen=True, eq=False)
class Found:
    """What a search evaluated, in order: `choices` int[N, layers] and `values` float[N, objectives].

    `best` are the rows that no other row beats, `stopped` whether Ctrl-C ended it.
    """

    choices: Ints
    values: NDArray[np.float64]
    stopped: bool = False

    @property
    def best(self) -> Ints:
        """Indices of the non-dominated rows; of one objective, the first with the least value."""
        if not len(self.values):
            return np.zeros(0, dtype=np.int64)
        if self.values.shape[1] == 1:
            return np.array([int(np.argmin(self.values[:, 0]))])
        return np.flatnonzero(mask(self.values))


def search(
    problem: Problem,
    evaluate: Evaluate,
    *,
    evaluations: int,
    objectives: int = 1,
    subject_to: Sequence[Budget] = (),
    seeds: Sequence[ArrayLike] = (),
    storage: Path | str | None = None,
    name: str = "search",
    seed: int = 0,
    progress: Callable[[int, int], Any] | None = None,
) -> Found:
    """Minimise `evaluate` over the problem's options, within budgets on its additive costs.

    seeds    choices evaluated first, such as the plans of `dse.minimize` and a front's
    storage  a journal file, a database URL (sqlite:///runs.db, postgresql://...), or None: in memory alone
    `evaluations` counts those of earlier calls on the same storage and name, so that a killed search resumes. No choice
    is evaluated twice. Ctrl-C returns what there is. ValueError on an unknown budget, a seed that breaks one, a storage
    that holds another problem's search or anything else, or values that are not `objectives` finite numbers.
    """
    if evaluations < 1:
        raise ValueError(f"evaluations must be at least 1, got {evaluations}")
    within = _limits(problem, subject_to)
    study = _study(storage, name, objectives, seed)
    done = _evaluated(study, problem)
    _enqueue(study, problem, [np.asarray(s, dtype=np.int64) for s in seeds], within)
    stopped = False
    try:
        for _ in range(MOST_ASKED * evaluations):
            if len(done) >= evaluations:
                break
            _step(study, problem, _checked(evaluate, objectives), within, done)
            if progress:
                progress(len(done), evaluations)
    except KeyboardInterrupt:
        stopped = True
    choices = np.array(list(done), dtype=np.int64).reshape(len(done), len(problem.layers))
    return Found(choices, np.array(list(done.values()), dtype=np.float64).reshape(len(done), -1), stopped)


def _enqueue(study: "optuna.Study", problem: Problem, seeds: list[Ints], within: Callable[[Ints], bool]) -> None:
    """Put the seeds first in a new study."""
    for choice in seeds:
        if not within(choice):
            raise ValueError(f"a seed breaks a budget: {problem.assignment(choice)}")
        if not study.trials or study.trials[-1].state.name == "WAITING":
            study.enqueue_trial({layer: int(o) for layer, o in zip(problem.layers, choice, strict=True)})


def _step(
    study: "optuna.Study",
    problem: Problem,
    evaluate: Callable[[Ints], tuple[float, ...]],
    within: Callable[[Ints], bool],
    done: dict[tuple[int, ...], tuple[float, ...]],
) -> None:
    """Ask for one candidate and tell its worth; one over a budget, or seen before, is told without evaluation."""
    import optuna

    trial = study.ask()
    choice = np.array([_suggested(trial, problem, i) for i in range(len(problem.layers))], dtype=np.int64)
    key = tuple(choice.tolist())
    if key in done:
        study.tell(trial, done[key])
    elif not within(choice):
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    else:
        values = evaluate(choice)
        study.tell(trial, values)
        done[key] = values


def _checked(evaluate: Evaluate, objectives: int) -> Callable[[Ints], tuple[float, ...]]:
    def values(choice: Ints) -> tuple[float, ...]:
        found = np.atleast_1d(np.asarray(evaluate(choice), dtype=np.float64))
        if found.shape != (objectives,) or not np.isfinite(found).all():
            raise ValueError(
                f"evaluate must return {objectives} finite numbers, got {found.tolist()} for {choice.tolist()}"
            )
        return tuple(found.tolist())

    return values


def _suggested(trial: "optuna.Trial", problem: Problem, layer: int) -> int:
    allowed = np.flatnonzero(np.isfinite(problem.loss[layer])).tolist()
    return int(trial.suggest_categorical(problem.layers[layer], allowed))


def _study(storage: Path | str | None, name: str, objectives: int, seed: int) -> "optuna.Study":
    """The study, new or resumed; a resumed one draws on instead of repeating its first draws."""
    try:
        import optuna
    except ImportError:
        raise ValueError("search needs the package optuna: pip install 'bitfront[search]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    directions = ["minimize"] * objectives
    with _named(storage):
        kept = _storage(storage)
        study = optuna.create_study(storage=kept, study_name=name, load_if_exists=True, directions=directions)
    if len(study.directions) != objectives:
        raise ValueError(f"{name!r} in {storage} has {len(study.directions)} objectives, not {objectives}")
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials), n_startup_trials=STARTUP)
    return study


def _evaluated(study: "optuna.Study", problem: Problem) -> dict[tuple[int, ...], tuple[float, ...]]:
    """What a study holds already, by choice; ValueError where it is of other layers."""
    found = {}
    for trial in study.trials:
        if trial.params and set(trial.params) != set(problem.layers):
            raise ValueError(
                f"{study.study_name!r} holds a search over {len(trial.params)} other layers; give another name"
            )
        if trial.state.name == "COMPLETE":
            found[tuple(int(trial.params[layer]) for layer in problem.layers)] = tuple(trial.values)
    return found


def _storage(storage: Path | str | None) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if storage is None:
        return None
    if "://" in str(storage):
        return str(storage)
    _require_journal(Path(storage))
    return JournalStorage(JournalFileBackend(str(storage)))


def _require_journal(path: Path) -> None:
    """ValueError where a file that is there holds anything but a journal's lines: optuna appends to what it opens."""
    for line in path.read_bytes().splitlines(keepends=True) if path.is_file() else ():
        try:
            right = not line.endswith(b"\n") or "op_code" in json.loads(line)  # a last line may be cut off
            if not right or not line.startswith(b"{"):
                raise ValueError
        except (ValueError, TypeError):
            raise ValueError(f"{path} is no journal of a search; name another file") from None


@contextmanager
def _named(storage: Path | str | None) -> Iterator[None]:
    """Errors of a database as a ValueError that names it."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "sqlalchemy":
            raise
        raise ValueError(f"no search can be kept in {storage}: {str(error).splitlines()[0]}") from None


def _limits(problem: Problem, budgets: Sequence[Budget]) -> Callable[[Ints], bool]:
    limits = {require("additive budget", b.metric.name, problem.costs): b.allowed for b in budgets}
    layers = np.arange(len(problem.layers))

    def within(choice: Ints) -> bool:
        return all(float(problem.costs[n][layers, choice].sum()) <= limit for n, limit in limits.items())

    return within
