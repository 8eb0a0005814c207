"""Where a browser's questions are swept and found again: its session's folder, or the run that the server shows."""

import fcntl
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from app.explore import axes, designs, mixture
from app.explore.designs import Designs
from app.explore.question import Question
from app.text import not_counted
from app.web import session, settings
from app.web import uploads as web_uploads
from dse import store
from dse.designs import parts_of
from dse.space import ID_DIGITS
from dse.sweep import sweep

HASH = re.compile(r"[0-9a-f]{32}")
ID = re.compile(rf"[0-9a-f]{{{ID_DIGITS}}}(\.[0-9]+)?(:[a-z0-9_]+){{0,3}}")
COUNTED = re.compile(r"\.b([0-9]+)\.ops\.json$")
"""How the file of an uploaded model's ops ends: the batch at which they were counted."""
SHOWN = "shown"
"""What stands for the run that `bitfront app --run` was given."""
_LOCK = threading.Lock()


def prepare(question: Question, progress: Callable[[int, int], Any] | None = None) -> str:
    """Sweep a question in the session's folder, unless it is there; return what `joined` finds it by."""
    if question.model.startswith("onnx:"):
        for batch in question.batch:
            web_uploads.counted(Path(question.model.partition(":")[2]), batch)
    name = name_of(question)
    with _turn(session.current().file("runs", f"{name}.lock")):
        sweep(question.space, session.current().file("runs", name), progress=progress)
    return name


@contextmanager
def _turn(path: Path) -> Iterator[None]:
    """Wait while another process, which the browser's other tab asked, holds a file; then hold it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def name_of(question: Question) -> str:
    """What `joined` finds a question's designs by, once they are swept."""
    return question.space.hash[:32]


def joined(name: object, objectives: tuple[str, ...]) -> tuple[Designs, str]:
    """The designs of a run of this session with the mixed front of two objectives, and a sentence on that front.

    ValueError where the browser has no such run.
    """
    folder = folder_of(name)
    with _LOCK:
        return _joined(folder, objectives, name != SHOWN)


def run_of(name: object) -> str:
    """How a link names the run that the server shows, by its content; "" for a question's, which links hold."""
    return joined(SHOWN, ())[0].space.hash[:ID_DIGITS] if name == SHOWN else ""


def require_run(named: str) -> None:
    """ValueError where a link is of a run that the server does not show; "" is of none."""
    shown = run_of(SHOWN) if settings.current().run else ""
    if named and named != shown:
        raise ValueError(
            f"this link is of the run {named[:40]!r}, and this server shows {repr(shown) if shown else 'none'}: "
            "bitfront app --run with that run's folder opens it"
        )


def require_id(design: str) -> None:
    """ValueError where a link's design is no id; "" is none."""
    if design and not ID.fullmatch(design):
        raise ValueError(f"design must be an id of {ID_DIGITS} hexadecimal digits, got {design[:40]!r}")


def spelled(found: Designs, row: int, objectives: tuple[str, ...]) -> str:
    """A design for a link: its id and row, and the metrics whose front it is on where a sweep does not have it."""
    return ":".join([f"{found.id(row)}.{row}", *(objectives if row >= found.swept else ())])


def find(name: object, objectives: tuple[str, ...], design: str) -> tuple[Designs, int]:
    """The designs of `joined` and the row of a design as `spelled`, or those of its own front where they lack it."""
    wanted, *own = design.split(":")
    found = joined(name, objectives)[0]
    try:
        return found, found.find(wanted)
    except ValueError:
        if len(set(own) & set(found.columns)) < 2:
            raise
        found = joined(name, tuple(own))[0]
        return found, found.find(wanted)


def folder_of(name: object) -> Path:
    """The folder of a run by its name; no name reaches another session's."""
    if name == SHOWN and (shown := settings.current().run) is not None:
        return shown
    if not isinstance(name, str) or not HASH.fullmatch(name):
        raise ValueError("no such run in this browser: explore again")
    folder = session.current().file("runs", name)
    if not store.is_run(folder):
        raise ValueError("no such run in this browser: explore again")
    return folder


@lru_cache(maxsize=16)
def _joined(folder: Path, objectives: tuple[str, ...], mixed: bool) -> tuple[Designs, str]:
    found = designs.load(folder)
    if not mixed:
        return found, _about(found)
    found, told = mixture.with_fronts(found, objectives)
    return found, " ".join([told, *not_counted(parts_of(found.space, 0)[0].uncounted)])


def _about(found: Designs) -> str:
    kept = "This run kept its front alone: rows = true in its file keeps every design."
    swept = "Latency and energy are the roofline's, as the run's file asks: an opened design has the full estimate too."
    return " ".join([kept] * (not found.complete) + [swept] * (found.space.latency == "roofline"))


def spoken(values: Mapping[str, Any]) -> dict[str, Any]:
    """A design's values with an uploaded model by the name of its file, not by where it is kept, and its batch."""
    model = values["model"]
    spelled = model if isinstance(model, str) else model["model"]
    named = web_uploads.spoken(spelled)
    if named == spelled:
        return dict(values)
    counted = {"batch": int(found[1])} if (found := COUNTED.search(spelled)) else {}
    return {**values, "model": named if isinstance(model, str) else {**model, "model": named}} | counted


def grouping(found: Designs, per: str) -> str:
    """The axis whose values have a front each: of an uploaded file, whose ops are counted a batch a file, its files."""
    models = found.space.axis("model").labels
    return "model" if per == "batch" and all(COUNTED.search(str(model)) for model in models) else per


def references(found: Designs) -> str:
    """What designs of one precision are called: at the first value of every axis that designs differ in, too."""
    what = "One precision everywhere" if found.mixed else "Each precision"
    varied = [a for a in found.space.axes if len(a.values) > 1 and a.name not in ("precision", "device")]
    first = ", ".join(titled(axes.told(axis.name, axis.values[0])) for axis in varied)
    return f"{what}, {first}" if first else what


def titled(label: str) -> str:
    """A value of an axis in words, an uploaded model by the name of its file and its batch."""
    named, batch = web_uploads.spoken(label), COUNTED.search(label)
    return f"{named} batch {batch[1]}" if batch and named != label else named


def linked_model(values: Mapping[str, Any]) -> tuple[str, str, str]:
    """A design's model as a link spells it, its phase, and the batch at which an uploaded file was counted, or "".

    ValueError for a composed model.
    """
    model = values["model"]
    if isinstance(model, Mapping) and set(model) - {"model", "phase"}:
        raise ValueError(f"a link has no model with {', '.join(set(model) - {'model', 'phase'})}")
    spelled, phase = (model, "") if isinstance(model, str) else (model["model"], model.get("phase", ""))
    counted = COUNTED.search(spelled)
    return linked(spelled), phase, counted[1] if counted else ""


def linked(spelled: str) -> str:
    """A model as a link spells it: an uploaded file by its hash."""
    known = web_uploads.known().items() if spelled.startswith(web_uploads.FILES) else ()
    return next((link for link, path in known if Path(path.partition(":")[2]).stem in spelled), spelled)


def uploads() -> Mapping[str, str]:
    """Spellings of what this browser uploaded: {in a link: for costmodel}."""
    return web_uploads.known()
