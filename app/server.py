"""The dashboard's server: a Dash app behind waitress."""

import logging
import secrets
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from app.web.settings import KEY, Settings

if TYPE_CHECKING:
    from dash import Dash

INDEX = """<!DOCTYPE html>
<html lang="en">
<head>{%metas%}<title>{%title%}</title>{%favicon%}{%css%}</head>
<body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}</footer>
<script async src="/_dash-component-suites/plotly/package_data/plotly.min.js"></script></body>
</html>"""
"""Dash's page, but plotly.js loads beside the rest, not when the first figure asks for it."""
LEAST_TOKEN = 16
"""Characters of a token that nobody guesses, where other machines reach the server."""
THREADS = 8
BACKLOG = 128
LAST_S = 1.0
"""How long an answer may still take once the server is told to end."""


def create(settings: Settings) -> "Dash":
    """Return the app: every page of app/pages, guarded, compressed, with nothing fetched from elsewhere."""
    from dash import Dash

    from app import shell
    from app.web import background, compression, protection, session, warm

    session.forget_old(settings.folder)
    app = Dash(
        "app",
        assets_folder="assets",
        title="bitfront",
        index_string=INDEX,
        update_title=None,
        use_pages=False,
        serve_locally=True,
        suppress_callback_exceptions=True,
        background_callback_manager=background.Manager(),
        enable_mcp=False,
        add_log_handler=False,
    )
    app.server.config[KEY] = settings
    shell.build(app)
    app._setup_server()  # its routes and inline scripts are complete from here on
    compression.compress(app.server)
    protection.protect(app, settings)
    warm.warm(app.server)
    return app


def serve(settings: Settings, told: Callable[[str], Any]) -> None:
    """Listen and answer until interrupted; `told` gets the address once it listens.

    ValueError where a host that others reach has no token, or a short one; OSError where the address is taken.
    """
    if not settings.is_local and len(settings.token) < LEAST_TOKEN:
        raise ValueError(
            f"--host {settings.host} is reached from other machines: it needs a --token of at least {LEAST_TOKEN} "
            f"characters, got {len(settings.token)}; take --token {secrets.token_urlsafe(LEAST_TOKEN)}"
        )
    from waitress.server import create_server

    logging.basicConfig(stream=sys.stderr, format="bitfront app: %(message)s", level=logging.WARNING)
    with listening(settings) as sock:
        app = create(settings)
        server = create_server(
            app.server,
            sockets=[sock],
            _dispatcher=_threads(),
            max_request_body_size=app.server.config["MAX_CONTENT_LENGTH"],
            ident=None,
        )
        _end_as_interrupted()
        told(Settings(settings.host, sock.getsockname()[1], settings.token).address)
        try:
            server.run()
        finally:
            server.close()
            app._background_manager.close()


def _threads() -> Any:
    """Threads that answer; as they end, so does what they wait for, and they are not waited for longer than LAST_S."""
    from waitress.task import ThreadedTaskDispatcher

    threads = ThreadedTaskDispatcher()
    threads.set_thread_count(THREADS)
    wait = threads.shutdown

    def shutdown() -> None:
        _end_children()
        wait(timeout=LAST_S)

    threads.shutdown = shutdown
    return threads


def _end_children() -> None:
    """Kill every process that this one started, and those that they did."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()


def _end_as_interrupted() -> None:
    """Let what ends a process end the server as Ctrl-C does: kill, and a closed terminal unless nohup ignores it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    hang_up = getattr(signal, "SIGHUP", None)
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:
        signal.signal(hang_up, signal.default_int_handler)


def listening(settings: Settings) -> socket.socket:
    """A socket bound to the address, port 0 for any that is free; OSError in one line where it is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((settings.host, settings.port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise OSError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from None
    return sock
