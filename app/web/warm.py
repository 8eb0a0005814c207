"""Heavy packages are imported once, behind the first page: a callback that comes sooner waits for them.

plotly looks for pandas in sys.modules, where it stands half imported while another thread imports it.
"""

import importlib
import threading

from flask import Flask, request

PACKAGES = ("pandas", "plotly.graph_objects", "scipy.stats")
CALLBACKS = "/_dash-update-component"


def warm(server: Flask) -> threading.Thread:
    """Start importing PACKAGES; callbacks of the server wait until they are there."""
    thread = threading.Thread(target=lambda: [importlib.import_module(name) for name in PACKAGES], daemon=True)
    thread.start()

    def wait() -> None:
        if request.path == CALLBACKS:
            thread.join()

    server.before_request(wait)
    return thread
