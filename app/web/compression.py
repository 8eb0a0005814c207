"""Answers go gzipped to browsers that take it; scripts that never change are compressed once."""

import gzip
from functools import lru_cache

from flask import Flask, Response, request

LEAST_BYTES = 1024
TEXT = ("text/", "application/json", "application/javascript", "image/svg")
QUICK, SMALL = 1, 6


def compress(server: Flask) -> None:
    """Compress what the server sends."""

    @server.after_request
    def smaller(response: Response) -> Response:
        wanted = "gzip" in request.headers.get("Accept-Encoding", "")
        plain = response.status_code == 200 and "Content-Encoding" not in response.headers
        if not (wanted and plain and str(response.mimetype).startswith(TEXT)):
            return response
        response.direct_passthrough = False
        data = response.get_data()
        if len(data) < LEAST_BYTES:
            return response
        lasting = request.path.startswith(("/_dash-component-suites/", "/assets/"))
        response.set_data(_once(data) if lasting else gzip.compress(data, QUICK))
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
        return response


@lru_cache(maxsize=64)
def _once(data: bytes) -> bytes:
    return gzip.compress(data, SMALL)
