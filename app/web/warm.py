"""Heavy packages are imported once, behind the first page: a callback that comes sooner waits for them.

plotly looks for pandas in sys.modules, where it stands half imported while another thread imports it. A first figure
makes plotly load its validators.
"""

import importlib
import threading

from flask import Flask, request

PACKAGES = ("pandas", "pyarrow.parquet", "app.explore.designs")
CALLBACKS = "/_dash-update-component"


def warm(server: Flask) -> threading.Thread:
    """Start importing PACKAGES and drawing a figure; callbacks of the server wait until that is done."""
    thread = threading.Thread(target=_work, daemon=True)
    thread.start()

    def wait() -> None:
        if request.path == CALLBACKS:
            thread.join()

    server.before_request(wait)
    return thread


def _work() -> None:
    for name in PACKAGES:
        importlib.import_module(name)
    import numpy as np

    from app.figures import front, style

    two, rows = {"x": np.array([1.0, 2.0]), "y": np.array([2.0, 1.0])}, np.arange(2)
    drawn = front.front(
        two, ("x", "y"), cloud=rows, fronts={"": rows}, hulls={"": rows[:1]}, uniform={0: ""}, log=(True, True)
    )
    style.dressed(drawn, dark=False)
