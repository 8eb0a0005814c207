"""bitfront app as a process: what it refuses, how soon it listens, and that nothing is left when it ends."""

import json
import socket
import urllib.error
import urllib.request

import psutil
import pytest
from served import served

from app.server import LEAST_TOKEN

LARGE = {
    "model": "zoo:swin_base_patch4_window7_224",
    "devices": "h100_sxm,l40s,a100_sxm,l4",
    "precisions": "bf16,w8a8,w4a16,fp8_e4m3,fp16",
    "batch": ",".join(map(str, range(1, 200))),
}
"""A question that keeps a process busy for long enough to interrupt it."""


def post(site, body, cookie):
    headers = {"Content-Type": "application/json", "Cookie": cookie}
    request = urllib.request.Request(site.address + "_dash-update-component", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_an_interrupt_leaves_no_process(tmp_path):
    with served(home=tmp_path) as site:
        with urllib.request.urlopen(site.address, timeout=30) as answer:
            cookie = answer.headers["Set-Cookie"].split(";")[0]
        with urllib.request.urlopen(site.address + "_dash-dependencies", timeout=30) as answer:
            output = next(d["output"] for d in json.load(answer) if d["output"].startswith("..explore-ready.data"))
        parts = [dict(zip(("id", "property"), p.rsplit(".", 1), strict=True)) for p in output.strip(".").split("...")]
        asked = [{"id": "explore-asked", "property": "data", "value": LARGE}]
        told = post(site, {"output": output, "outputs": parts, "inputs": asked, "state": []}, cookie)
        assert "cacheKey" in told
        server = psutil.Process(site.process.pid)
        children = server.children(recursive=True)
        assert children, "a sweep runs"
    gone, alive = psutil.wait_procs([server, *children], timeout=5)
    assert alive == []
    assert len(gone) == len(children) + 1


def test_hosts_that_others_reach_need_a_token(refused):
    for short in ((), ("--token", "ab")):
        told = refused("app", "--host", "0.0.0.0", "--port", "0", *short)
        assert "needs a --token of at least 16 characters, got " in told
        assert len(told.rpartition("take --token ")[2].strip()) >= LEAST_TOKEN


def test_a_taken_port_is_one_line(refused):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "cannot listen on" in refused("app", "--port", str(taken.getsockname()[1]))


def test_a_run_that_is_none_is_told_before_it_listens(refused, tmp_path):
    assert "no run in" in refused("app", "--port", "0", "--run", str(tmp_path))


def test_the_address_that_is_printed_opens(tmp_path):
    with served("--token", "t0ken", home=tmp_path) as site:
        keeps = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with keeps.open(site.address, timeout=30) as answer:
            assert (answer.status, answer.url) == (200, site.address.partition("?")[0]), "the token is out of sight"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(site.address.partition("?")[0], timeout=30)
        used = psutil.Process(site.process.pid).cpu_times()
    assert used.user + used.system < 6.0, "processor time, so that a busy machine does not count"
