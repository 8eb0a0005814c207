"""What the server refuses, and what every answer carries."""

import copy
import json

import pytest

CALLBACKS = "/_dash-update-component"


def show(app, path="/explore"):
    """The request that the page sends to be shown."""
    return {
        "output": "page.children",
        "outputs": {"id": "page", "property": "children"},
        "inputs": [{"id": "url", "property": "pathname", "value": path}],
        "state": [{"id": "url", "property": "search", "value": ""}],
        "changedPropIds": ["url.pathname"],
    }


def test_every_answer_has_the_headers(client):
    for path in ("/", "/_dash-layout", "/assets/style.css", "/no/such/file.js"):
        with client.get(path) as answer:
            headers = answer.headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "'unsafe-inline'" not in headers["Content-Security-Policy"].split("script-src")[1].split(";")[0]
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_nothing_comes_from_elsewhere(client):
    text = client.get("/").get_data(as_text=True)
    assert 'src="http' not in text
    assert 'href="http' not in text


def test_an_honest_request_is_answered(app, client):
    assert client.post(CALLBACKS, json=show(app)).status_code == 200


FORGED = {
    "no object": lambda b: [b],
    "another output": lambda b: {**b, "output": "secret.children"},
    "no output": lambda b: {k: v for k, v in b.items() if k != "output"},
    "output is a list": lambda b: {**b, "output": ["page.children"]},
    "outputs elsewhere": lambda b: {**b, "outputs": {"id": "view", "property": "data"}},
    "outputs are text": lambda b: {**b, "outputs": "page.children"},
    "no inputs": lambda b: {**b, "inputs": []},
    "inputs are none": lambda b: {**b, "inputs": None},
    "another input": lambda b: {**b, "inputs": [{"id": "url", "property": "href", "value": "/"}]},
    "too many inputs": lambda b: {**b, "inputs": b["inputs"] * 2},
    "input is no object": lambda b: {**b, "inputs": ["/"]},
    "state is an object": lambda b: {**b, "state": {"id": "url"}},
    "changed is a number": lambda b: {**b, "changedPropIds": 3},
    "a path that is a number": lambda b: {**b, "inputs": [{**b["inputs"][0], "value": 7}]},
    "a path that is a list": lambda b: {**b, "inputs": [{**b["inputs"][0], "value": [["x"]]}]},
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_forged_requests_are_refused_in_one_line(app, client, forge):
    answer = client.post(CALLBACKS, json=forge(copy.deepcopy(show(app))))
    assert 400 <= answer.status_code < 500, answer.get_data(as_text=True)
    assert "Traceback" not in answer.get_data(as_text=True)
    assert answer.get_data(as_text=True).count("\n") == 1


def outputs_of(output):
    names = output.strip(".").split("...") if output.startswith("..") else [output]
    parts = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]
    return parts if output.startswith("..") else parts[0]


OUTPUTS = {
    "a pattern as text": lambda output: outputs_of(output) if "{" in output else None,
    "in lists": lambda output: [[part] for part in outputs_of(output)] if output.startswith("..") else None,
    "one of none": lambda output: outputs_of(output) | {"id": ""} if not output.startswith("..") else [],
}


@pytest.mark.parametrize("outputs", OUTPUTS.values(), ids=OUTPUTS)
def test_no_callback_takes_outputs_in_another_form(app, client, outputs):
    def values(parts):
        return [
            {**part, "id": json.loads(part["id"]), "value": 1} if part["id"].startswith("{") else {**part, "value": 1}
            for part in parts
        ]

    told = {name: outputs(name) for name in app.callback_map if outputs(name) is not None}
    assert told
    for name, forged in told.items():
        callback = app.callback_map[name]
        sent = {"inputs": values(callback["inputs"]), "state": values(callback["state"])}
        answer = client.post(CALLBACKS, json={"output": name, "outputs": forged, "changedPropIds": [], **sent})
        assert 400 <= answer.status_code < 500, name


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"\xff\xfe", b"[" * 5000])
def test_bodies_that_are_no_json(client, body):
    answer = client.post(CALLBACKS, data=body, content_type="application/json")
    assert answer.status_code == 400


def test_forged_background_handles_end_no_process(app, client):
    answer = client.post(f"{CALLBACKS}?cacheKey=x&job=1&oldJob=1&cancelJob=1", json=show(app))
    assert answer.status_code < 500


def test_paths_out_of_a_package_are_not_found(client, caplog):
    for path in ("plotly/package_data/../../../etc/passwd", "dash/deps/../../../x.js", "nosuch/x.js"):
        answer = client.get(f"/_dash-component-suites/{path}")
        assert (answer.status_code, answer.text) == (404, "no such file\n")
    assert not caplog.records


def test_bodies_are_capped(client):
    answer = client.post(CALLBACKS, data=b"x" * (46 * 2**20), content_type="application/json")
    assert answer.status_code == 413


def test_other_names_and_other_sites_are_refused(app, client):
    assert client.get("/", headers={"Host": "evil.example:8050"}).status_code == 403
    answer = client.post(CALLBACKS, json=show(app), headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


def test_token(app_with):
    client = app_with(host="0.0.0.0", token="s3cret").server.test_client()
    assert client.get("/").status_code == 401
    assert client.get("/?token=wrong").status_code == 401
    assert client.get("/", headers={"Authorization": "Bearer s3cret"}).status_code == 200
    entered = client.get("/explore?token=s3cret&model=zoo:resnet18")
    assert entered.status_code == 302
    assert entered.headers["Location"] == "/explore?model=zoo:resnet18"
    assert client.get("/").status_code == 200, "the cookie stands for it from then on"


def test_each_browser_gets_its_own_cookie(app):
    def cookie():
        (found,) = [c for c in app.server.test_client().get("/").headers.getlist("Set-Cookie") if "session" in c]
        assert "HttpOnly" in found
        return found.split(";")[0]

    assert cookie() != cookie()


def test_gzip(client):
    answer = client.get("/_dash-layout", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.get_data()[:2] == b"\x1f\x8b"
