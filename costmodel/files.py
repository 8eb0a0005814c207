"""Write results so that a reader sees all of a file or none of it."""

import os
import tempfile
from pathlib import Path


def require_file(path: Path) -> None:
    """ValueError in words that say what stands there where `path` is no regular file; a FIFO is not opened."""
    if path.is_dir():
        raise ValueError("it is a directory, not a file")
    if not path.exists():
        raise ValueError("no such file")
    if not path.is_file():
        raise ValueError("it is no regular file (a pipe, socket or device)")


def require_folder(path: Path) -> None:
    """ValueError where there is no folder to write `path` in: to ask before the work, not after it."""
    if not path.parent.is_dir():
        raise ValueError(f"no folder {str(path.parent)!r} to write {path.name!r} in")


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write text (as UTF-8) or bytes to a temporary file beside `path`, flush it to disk and rename it into place."""
    require_folder(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
