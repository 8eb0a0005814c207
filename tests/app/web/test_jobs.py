"""Background jobs of several browsers: each gets its own answer, and none takes all places."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from werkzeug.exceptions import HTTPException

from app.web import session
from app.web.background import LONG, QUICK, Job, Manager

CALLBACKS = "/_dash-update-component"
SWEPT = {"model": "zoo:resnet18", "devices": "l4", "precisions": "int8/int8", "batch": "1"}
SWEEP, ESTIMATE = "..explore-ready.data", "..compare-found.data"
LONGEST_S = 60.0

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


class Browser:
    """A client that has loaded a page: a cookie of its own."""

    def __init__(self, app):
        self.app, self.client = app, app.server.test_client()
        self.client.get("/")
        self.cookie = self.client.get_cookie(session.COOKIE).value

    @property
    def folder(self):
        return session.of_cookie(self.cookie, self.app.server.config["BITFRONT"].folder).folder

    def ask(self, output, value, **handles):
        """Ask a background callback of one input, or how far it is by its handles."""
        name = next(name for name in self.app.callback_map if name.startswith(output))
        outputs = [
            dict(zip(("id", "property"), part.rsplit(".", 1), strict=True)) for part in name.strip(".").split("...")
        ]
        inputs = [{**part, "value": value} for part in self.app.callback_map[name]["inputs"]]
        body = {"output": name, "outputs": outputs, "inputs": inputs, "state": []}
        return self.client.post(CALLBACKS, query_string=handles, json=body)

    def start(self, output, value):
        told = self.ask(output, value).json
        return {name: told[name] for name in ("cacheKey", "job")}

    def wait(self, output, value, handles):
        """The answer of a job, once it is there."""
        until = time.monotonic() + LONGEST_S
        while time.monotonic() < until:
            told = self.ask(output, value, **handles)
            if told.status_code != 200 or "response" in told.json:
                return told
            time.sleep(0.05)
        raise TimeoutError


def test_browsers_that_ask_alike_get_an_answer_each(app):
    first, second = Browser(app), Browser(app)
    jobs = [(browser, browser.start(SWEEP, SWEPT)) for browser in (first, second)]
    assert not psutil.wait_procs([job.process for job in app._background_manager.jobs], LONGEST_S)[1]
    for browser, handles in reversed(jobs):
        told = browser.wait(SWEEP, SWEPT, handles)
        assert told.status_code == 200, "an answer that another browser has taken is empty"
        name = told.json["response"]["explore-ready"]["data"]
        assert (browser.folder / "runs" / name).is_dir()


def test_one_browser_asks_alike_in_two_tabs(app):
    browser = Browser(app)
    jobs = [browser.start(SWEEP, SWEPT) for _ in range(2)]
    told = [browser.wait(SWEEP, SWEPT, handles).json["response"] for handles in jobs]
    assert told[0] == told[1]
    assert told[0]["explore-trouble"]["children"] is None


def test_handles_that_this_server_did_not_sign_are_gone_and_say_so(app):
    browser = Browser(app)
    for handles in ({"cacheKey": "a~b", "job": "1~c"}, {"cacheKey": "a"}):
        told = browser.ask(SWEEP, SWEPT, **handles)
        assert (told.status_code, told.text) == (
            410, "this was computed by a server that has ended since: ask again\n",
        )  # fmt: skip


@pytest.fixture
def running(app):
    """Let so many computations of a cookie seem to run."""
    manager = app._background_manager
    before = list(manager.jobs)

    def run(count, cookie, most=LONG):
        manager.jobs += [Job(psutil.Process(), cookie, most)] * count

    yield run
    manager.jobs = before


def test_a_browser_with_too_many_is_told_so_and_others_are_served(app, running):
    one, other = Browser(app), Browser(app)
    running(LONG.one, one.cookie)
    told = one.ask(SWEEP, SWEPT)
    assert (told.status_code, told.text) == (
        429, "3 computations of this browser run already: wait for one to end, or cancel it, and ask again\n",
    )  # fmt: skip
    assert other.wait(SWEEP, SWEPT, other.start(SWEEP, SWEPT)).status_code == 200


def test_a_full_server_says_so_and_still_answers_what_is_quick(app, running):
    browser = Browser(app)
    for i in range(LONG.all):
        running(1, str(i))
    told = browser.ask(SWEEP, SWEPT)
    assert (told.status_code, told.text) == (
        503, "6 computations of all browsers run already: ask again when one has ended\n",
    )  # fmt: skip
    asked = ["zoo:resnet18@l4@int8"]
    found = browser.wait(ESTIMATE, asked, browser.start(ESTIMATE, asked)).json["response"]
    assert found["compare-found"]["data"][0]["name"]
    assert "Retry-After" not in told.headers
    running(QUICK.one, browser.cookie, QUICK)
    again = browser.ask(ESTIMATE, asked)
    assert (again.status_code, again.headers["Retry-After"]) == (429, "1"), "the page asks again by itself"


def test_no_more_start_where_many_ask_at_once():
    manager = Manager()
    waits = manager.make_job_fn(lambda: time.sleep(LONGEST_S), None)
    together = threading.Barrier(3 * LONG.one)

    def ask(key):
        together.wait()
        try:
            return manager.call_job_fn(str(key), waits, [], {"cookies": {session.COOKIE: "one"}})
        except HTTPException as error:
            return error.code

    with ThreadPoolExecutor(3 * LONG.one) as threads:
        told = list(threads.map(ask, range(3 * LONG.one)))
    jobs = [psutil.Process(job) for job in told if job != 429]
    manager.close()
    assert len(jobs) == LONG.one
    assert not any(job.is_running() and job.status() != psutil.STATUS_ZOMBIE for job in jobs)
