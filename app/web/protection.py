"""What a request must pass, and the headers of every answer."""

import hmac
import logging
import re
from urllib.parse import urlsplit

from dash import Dash
from dash.exceptions import DependencyException, PreventUpdate
from flask import Response, make_response, redirect, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from app.web import payload, session
from app.web.settings import Settings

MOST_UPLOAD_BYTES = 32 * 2**20
MOST_REQUEST_BYTES = MOST_UPLOAD_BYTES * 4 // 3 + 2**20
"""An upload travels in base64."""
CALLBACKS = "/_dash-update-component"
TOKEN_COOKIE = "bitfront_token"
WRONG_INPUT = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)
"""What values that no control of the page gives raise in a callback."""

Answer = tuple[str, int, dict[str, str]]
"""What is told, the status, and headers of its own."""

LOG = logging.getLogger("bitfront.app")


def protect(app: Dash, settings: Settings) -> None:
    """Guard every request of the app by host, origin, token, size and form."""
    server = app.server
    server.config["MAX_CONTENT_LENGTH"] = MOST_REQUEST_BYTES
    policy = _policy(app)

    @server.before_request
    def guard() -> AnyResponse | None:
        return _foreign(settings) or _without_token(settings) or _malformed(app)

    @server.after_request
    def dress(response: Response) -> Response:
        response.headers.update({"Content-Security-Policy": policy, **HEADERS})
        if not session.VALID.fullmatch(request.cookies.get(session.COOKIE, "")) and response.status_code < 300:
            response.set_cookie(session.COOKIE, session.new_cookie(), httponly=True, samesite="Lax", max_age=31536000)
        return response

    @server.errorhandler(Exception)
    def told(error: Exception) -> Answer:
        return _answer(error)


HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def _policy(app: Dash) -> str:
    """Nothing from elsewhere. 'unsafe-eval' is for scattergl, whose WebGL layer compiles its draw calls."""
    rules = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", "'unsafe-eval'", *app.csp_hashes()]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _foreign(settings: Settings) -> AnyResponse | None:
    """Refuse names that a hostile page gave this machine, and requests that another site's page sends."""
    host = urlsplit(f"//{request.host}").hostname or ""
    if settings.is_local and host not in ("127.0.0.1", "localhost", "::1"):
        return make_response(f"this server answers as 127.0.0.1 or localhost, not as {host!r}\n", 403)
    origin = request.headers.get("Origin")
    if request.method != "GET" and origin and urlsplit(origin).netloc != request.host:
        return make_response("requests of other sites' pages are refused\n", 403)
    return None


def _without_token(settings: Settings) -> AnyResponse | None:
    """Ask for the token where there is one: once in the link, from then on in a cookie."""
    if not settings.token:
        return None
    if _same(request.args.get("token", ""), settings.token):
        rest = "&".join(p for p in request.query_string.decode(errors="replace").split("&") if p[:6] != "token=")
        answer = redirect(request.path + (f"?{rest}" if rest else ""))
        answer.set_cookie(TOKEN_COOKIE, settings.token, httponly=True, samesite="Lax")
        return answer
    given = re.sub("^Bearer ", "", request.headers.get("Authorization", "")) or request.cookies.get(TOKEN_COOKIE, "")
    if _same(given, settings.token):
        return None
    return make_response("this server needs its token: open the address that it printed\n", 401)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _malformed(app: Dash) -> AnyResponse | None:
    if request.path != CALLBACKS:
        return None
    found = payload.problem(request.get_json(silent=True), app.callback_map)  # deep nesting: RecursionError
    return make_response(f"{found}\n", 400) if found else None


def _answer(error: Exception) -> Answer:
    """A status and one line; what went wrong inside is in the log alone."""
    if isinstance(error, PreventUpdate):
        return "", 204, {}
    if isinstance(error, HTTPException):
        again_s = getattr(error, "retry_after", None)
        return f"{error.description}\n", error.code or 500, {"Retry-After": str(again_s)} if again_s else {}
    if isinstance(error, DependencyException):  # its message names every path that there is
        return "no such file\n", 404, {}
    status = 400 if isinstance(error, WRONG_INPUT) else 500
    at = error.__traceback__
    while at and at.tb_next:
        at = at.tb_next
    where = f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at else "?"
    LOG.warning("%s at %s: %s: %s", status, where, type(error).__name__, " ".join(str(error).split())[:300])
    told = "the request has values that no control gives" if status == 400 else "an error of the server"
    return f"{told}\n", status, {}
