"""Run an exam's parts, on several processes if asked, keep each result, and resume where results are."""

import json
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from app.exam.setup import Setup
from app.exam.summary import summarise
from app.exam.units import Unit, read, result_path, units
from app.progress import Tell
from app.text import plain, to_json
from costmodel.files import write_atomically


def run(setup: Setup, out: Path, *, subjects: tuple[str, ...], workers: int, progress: Tell) -> dict[str, Any]:
    """Return the summary of the exam in folder `out`, made if needed; what is done there already is not done again.

    ValueError where the folder holds an exam of another size.
    """
    folder = out / "units"
    folder.mkdir(parents=True, exist_ok=True)
    _claim(out / "setup.json", setup)
    todo = units(setup, subjects)
    _work(todo, folder, setup, subjects, workers, progress)
    sittings = [sitting for unit in todo for sitting in read(folder, unit.name).get("sittings", [])]
    summary = summarise(sittings, resamples=setup.resamples) | {"setup": asdict(setup)}
    write_atomically(out / "exam.json", to_json(summary))
    return summary


def _claim(path: Path, setup: Setup) -> None:
    mine = json.loads(json.dumps(plain(asdict(setup))))
    if not path.exists():
        write_atomically(path, to_json(mine))
    elif json.loads(path.read_text(encoding="utf-8")) != mine:
        raise ValueError(f"{str(path.parent)!r} holds an exam of another size; give another --out")


def _work(
    todo: list[Unit], folder: Path, setup: Setup, subjects: tuple[str, ...], workers: int, progress: Tell
) -> None:
    missing = [unit for unit in todo if not result_path(folder, unit.name).exists()]
    progress(len(todo) - len(missing), len(todo))
    if workers == 1:
        for unit in missing:
            _one(setup, subjects, unit.name, folder)
            progress(sum(result_path(folder, u.name).exists() for u in todo), len(todo))
        return
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    running: set[Future[None]] = set()
    try:
        while missing or running:
            ready = [u for u in missing if all(result_path(folder, name).exists() for name in u.after)]
            for unit in ready[: workers - len(running)]:
                missing.remove(unit)
                running.add(pool.submit(_one, setup, subjects, unit.name, folder))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
            progress(sum(result_path(folder, u.name).exists() for u in todo), len(todo))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _one(setup: Setup, subjects: tuple[str, ...], name: str, folder: Path) -> None:
    """Work on the unit of that name, in whichever process, and write its result."""
    from app.demo.network import use_one_thread

    use_one_thread()
    unit = next(unit for unit in units(setup, subjects) if unit.name == name)
    write_atomically(result_path(folder, name), to_json(unit.work(folder, None)))
