"""Sessions: each browser has a folder of its own, named by a hash of its cookie, that no other can name."""

import hashlib
import re
import secrets
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.web import settings

COOKIE = "bitfront_session"
VALID = re.compile(r"[A-Za-z0-9_-]{43}")
KEPT_S = 30 * 24 * 3600.0
"""A session that was not used for so long is deleted when the server starts, and what it alone had uploaded."""


@dataclass(frozen=True)
class Session:
    """A browser's own folder, made when it is first needed."""

    folder: Path

    def file(self, *parts: str) -> Path:
        """A path in the folder, its parent made; `parts` must come from the program, never from a request."""
        path = self.folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path


def new_cookie() -> str:
    """A value that nobody guesses: 256 bits."""
    return secrets.token_urlsafe(32)


def of_cookie(cookie: str, folder: Path) -> Session:
    """The session of a cookie; ValueError where it is none of ours."""
    if not VALID.fullmatch(cookie):
        raise ValueError("no session: load the page again")
    return Session(folder / "sessions" / hashlib.sha256(cookie.encode()).hexdigest()[:32])


def current() -> Session:
    """The session of the callback that runs, in the server or in the background."""
    from dash import ctx

    return of_cookie(str(ctx.cookies.get(COOKIE, "")), settings.current().folder)


def forget_old(folder: Path, now_s: float | None = None) -> None:
    """Delete the sessions that were not used for KEPT_S."""
    oldest = (time.time() if now_s is None else now_s) - KEPT_S
    sessions = folder / "sessions"
    for path in sessions.iterdir() if sessions.is_dir() else ():
        if max((p.stat().st_mtime for p in (path, *path.iterdir())), default=oldest) < oldest:
            shutil.rmtree(path, ignore_errors=True)
    _forget_uploads(folder, oldest)


def _forget_uploads(folder: Path, oldest_s: float) -> None:
    """Delete the uploads of before a time that no session has."""
    seen = {marker.name.partition(".")[0] for marker in folder.glob("sessions/*/uploads/*")}
    for path in folder.glob("uploads/*"):
        with suppress(FileNotFoundError):
            if path.name.partition(".")[0] not in seen and path.stat().st_mtime < oldest_s:
                path.unlink()
