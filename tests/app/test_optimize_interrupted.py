"""Ctrl-C during `bitfront optimize`: the plan so far and that it was interrupted, or one line without any."""

import json
import signal

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dse import allocate

CALL = ("optimize", "onnx:net.onnx", "--on", "pynq_z1", "--formats", "int2,int8", "--objective", "throughput_per_s")


@pytest.fixture
def network(tmp_path):
    """A folder with a network of two layers."""
    weights = [numpy_helper.from_array(np.ones(shape, np.float32), f"w{i}") for i, shape in enumerate([(8, 6), (6, 4)])]
    nodes = [helper.make_node("MatMul", [a, w], [b], name=w) for a, w, b in [("x", "w0", "h"), ("h", "w1", "y")]]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", [3, 8]), ("y", [3, 4]))]
    onnx.save(helper.make_model(helper.make_graph(nodes, "net", ends[:1], ends[1:], weights)), tmp_path / "net.onnx")
    return tmp_path


@pytest.mark.parametrize("at", [0, 2])
def test_an_interrupted_search_prints_its_plan_or_says_so(bitfront, network, monkeypatch, at):
    calls, solve = [], allocate.best

    def best(*args, **given):
        calls.append(None)
        if len(calls) == at + 1:
            signal.raise_signal(signal.SIGINT)
        return solve(*args, **given)

    monkeypatch.setattr(allocate, "best", best)
    done = bitfront(*CALL, "--json", cwd=network)
    if at == 0:
        assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", "bitfront: interrupted")
    else:
        found = json.loads(done.stdout)
        assert found["interrupted"]
        assert not found["proven"]
