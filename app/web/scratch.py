"""A server's temporary folder: deleted with the server, or by the next one where it was killed."""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

PREFIX = "bitfront-app-"
HELD = "held"
"""The file in a folder that its server holds locked; the system lets go of it however the server ends."""


class Scratch:
    """A folder of its own for as long as this process lives."""

    def __init__(self) -> None:
        forget_left()
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._held = os.open(self.folder / "new", os.O_RDONLY | os.O_CREAT, 0o600)
        fcntl.flock(self._held, fcntl.LOCK_EX)
        (self.folder / "new").rename(self.folder / HELD)

    def close(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            os.close(self._held)


def forget_left() -> None:
    """Delete the folders of this user's servers that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if folder.lstat().st_uid == os.getuid() and not _is_held(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_held(folder: Path) -> bool:
    """Whether a server holds a folder; OSError where it has nothing to hold, as one that is just made."""
    handle = os.open(folder / HELD, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
