"""bitfront app told to end amid an upload: soon, and with no process left, however it is told."""

import base64
import json
import os
import signal
import threading
import time
import urllib.request
from contextlib import suppress

import psutil
import pytest
from onnx import TensorProto, helper
from served import served

NODES = 60_000
ENDED_S = 2.0
OUTPUT = "..explore-model.data...explore-model.value...explore-uploaded.children...explore-upload.contents.."


@pytest.fixture(scope="module")
def slow():
    """A file that takes minutes to read."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8]) for name in ("t0", f"t{NODES}")]
    nodes = [helper.make_node("Relu", [f"t{i}"], [f"t{i + 1}"]) for i in range(NODES)]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:])
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10).SerializeToString()
    return "data:;base64," + base64.b64encode(data).decode()


def upload(address, content):
    with urllib.request.urlopen(address, timeout=30) as answer:
        cookie = answer.headers["Set-Cookie"].split(";")[0]
    given = {"explore-upload.contents": content, "explore-upload.filename": "slow.onnx", "explore-model.data": []}
    parts = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in OUTPUT.strip(".").split("...")]
    sent = [dict(zip(("id", "property"), n.rsplit(".", 1), strict=True)) | {"value": v} for n, v in given.items()]
    body = {"output": OUTPUT, "outputs": parts, "inputs": sent[:1], "state": sent[1:]}
    headers = {"Content-Type": "application/json", "Cookie": cookie}
    request = urllib.request.Request(address + "_dash-update-component", json.dumps(body).encode(), headers)
    with suppress(OSError):
        urllib.request.urlopen(request, timeout=60).close()


@pytest.mark.long
@pytest.mark.parametrize("told", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
def test_a_server_that_is_told_to_end_does_with_the_file_that_it_reads(tmp_path, slow, told):
    with served(home=tmp_path) as site:
        server = psutil.Process(site.process.pid)
        sender = threading.Thread(target=upload, args=(site.address, slow))
        sender.start()
        until = time.monotonic() + 30.0
        while not (children := server.children(recursive=True)):
            assert time.monotonic() < until, site.log.read_text()
            time.sleep(0.02)
        os.kill(server.pid, getattr(signal, told))
        begun = time.monotonic()
        ended = site.process.wait(20)
        assert time.monotonic() - begun < ENDED_S
        assert ended == (-signal.SIGKILL if told == "SIGKILL" else 0)
        assert psutil.wait_procs(children, timeout=5)[1] == []
        sender.join()
