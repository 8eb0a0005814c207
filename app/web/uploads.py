"""Uploaded files: kept by their content's hash, read in a process of its own, seen by their session alone."""

import base64
import binascii
import hashlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from app.web import session, settings, upload_reader
from app.web.protection import MOST_UPLOAD_BYTES
from costmodel import models
from costmodel.files import write_atomically

KINDS = ("onnx", "json")
MEMORY_BYTES = 4 * 2**30
SECONDS = 60
PREFIX = "upload:"
FILES = ("onnx:", "hf:", "ops:")
"""How models that are files are spelled for costmodel."""
MOST_READ = 4
"""Files that are read at once, each in the place of an answer: half of those that the server gives at once."""
DIGITS = 16
LINK = re.compile(rf"{PREFIX}[0-9a-f]{{{DIGITS}}}\.(onnx|json)")


def accept(name: object, content: object) -> str:
    """Keep an uploaded file if it is a model; return how a link spells it: upload:HASH.KIND.

    content  a data URL in base64, as browsers send it
    ValueError in one line where it is too large, of another kind, or cannot be read.
    """
    kind = Path(str(name)).suffix.lower().lstrip(".")
    if kind not in KINDS:
        raise ValueError(f"an upload is an .onnx file or a config .json, got {str(name)[-60:]!r}")
    data = _decoded(content)
    digest = hashlib.sha256(data).hexdigest()
    path = settings.current().folder / "uploads" / f"{digest}.{kind}"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = not path.is_file()
    if new:
        write_atomically(path, data)
    try:
        counted(path, 1)
    except ValueError:
        if new:
            path.unlink()
        raise
    link = f"{PREFIX}{digest[:DIGITS]}.{kind}"
    session.current().file("uploads", f"{digest}.{kind}").write_text(_clean(str(name)), encoding="utf-8")
    return link


def known() -> dict[str, str]:
    """What this session uploaded: {as a link spells it: as costmodel does}."""
    folder = session.current().folder / "uploads"
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    paths = [settings.current().folder / "uploads" / marker.name for marker in found]
    kinds = {".onnx": "onnx", ".json": "hf"}
    return {
        f"{PREFIX}{path.stem[:DIGITS]}{path.suffix}": f"{kinds[path.suffix]}:{path}" for path in paths if path.is_file()
    }


def uncounted(link: str) -> tuple[str, ...]:
    """What of an uploaded ONNX file no figure holds: its operators that are not known."""
    kind, _, path = known()[link].partition(":")
    return models.load(f"ops:{counted(Path(path), 1)}").uncounted if kind == "onnx" else ()


def name_of(link: str) -> str:
    """The name that a file had when it was uploaded."""
    stem, _, kind = link.removeprefix(PREFIX).partition(".")
    markers = (session.current().folder / "uploads").glob(f"{stem}*.{kind}")
    return next((marker.read_text(encoding="utf-8") for marker in markers), link)


def spoken(spelled: str) -> str:
    """A model by the name of its file where this session uploaded it, else as it is spelled."""
    if not spelled.startswith(FILES):
        return spelled
    stem = Path(spelled.partition(":")[2].split(" ")[0]).name.partition(".")[0]
    link = next((link for link in known() if stem.startswith(link.removeprefix(PREFIX).partition(".")[0])), None)
    return spelled if link is None else name_of(link)


def counted(path: Path, batch: int) -> Path:
    """The file of an upload's ops at a batch, read in a process of its own the first time; a config.json is its own."""
    made = path if path.suffix == ".json" else path.with_name(f"{path.stem}.b{batch}.ops.json")
    if made.is_file() and made != path:
        return made
    script = Path(upload_reader.__file__)
    command = [
        sys.executable,
        "-P",
        str(script),
        path.suffix[1:],
        str(path),
        str(batch),
        str(MEMORY_BYTES),
        str(SECONDS),
        str(os.getpid()),
    ]
    roots = os.pathsep.join(part or os.getcwd() for part in sys.path)
    environment = os.environ | {"PYTHONPATH": roots, "OPENBLAS_NUM_THREADS": "1"}
    try:
        with _reading():
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=SECONDS, env=environment, check=False
            )
    except subprocess.TimeoutExpired:
        raise ValueError(f"the file is not read within {SECONDS} s") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"reading it died of signal {-done.returncode}"]
        raise ValueError(lines[-1][:300])
    if made != path:
        write_atomically(made, done.stdout)
    return made


@cache
def _places(_process: int) -> threading.BoundedSemaphore:
    """Places to read in: a background job, forked while files are read, has its own."""
    return threading.BoundedSemaphore(MOST_READ)


@contextmanager
def _reading() -> Iterator[None]:
    """Be one of MOST_READ at once; ValueError where there are as many."""
    places = _places(os.getpid())
    if not places.acquire(blocking=False):
        raise ValueError(f"{MOST_READ} uploaded files are being read: try again in a minute")
    try:
        yield
    finally:
        places.release()


def _decoded(content: object) -> bytes:
    encoded = content.partition(",")[2] if isinstance(content, str) else ""
    if len(encoded) > MOST_UPLOAD_BYTES * 4 // 3 + 4:
        raise ValueError(f"an upload has at most {MOST_UPLOAD_BYTES >> 20} MiB")
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the upload arrived damaged: try again") from None
    if not data:
        raise ValueError("the file is empty")
    return data


def _clean(name: str) -> str:
    return re.sub(r"[^\w.\- ]", "_", Path(name.replace("\\", "/")).name)[-80:]
