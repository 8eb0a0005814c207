"""What `bitfront app` was told, and where it keeps what browsers upload and run."""

import os
from dataclasses import dataclass, field
from pathlib import Path

KEY = "BITFRONT"
"""Where the settings are in the configuration of the web server."""


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/bitfront/app, else ~/.cache/bitfront/app."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "bitfront" / "app"


@dataclass(frozen=True)
class Settings:
    """The address, the token that hosts other than this machine need, what to show, and the folder of sessions."""

    host: str = "127.0.0.1"
    port: int = 8050
    token: str = ""
    run: Path | None = None
    measured: tuple[Path, ...] = ()
    folder: Path = field(default_factory=cache_folder)

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches the server."""
        return self.host in ("127.0.0.1", "localhost", "::1")

    @property
    def address(self) -> str:
        """What to open in a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/" + (f"?token={self.token}" if self.token else "")


def current() -> Settings:
    """The settings of the server that answers the request, or whose background work this is."""
    from dash import get_app

    found: Settings = get_app().server.config[KEY]
    return found
