"""Uploads: read in a process of its own within limits, kept by content, seen by the browser that sent them alone."""

import base64
import ctypes
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from app.compare import designs as compared
from app.compare import question as compare
from app.compare import sent as sent_designs
from app.explore import answers, front, listing, question, session_runs
from app.optimise import question as optimise
from app.optimise import solution
from app.server import THREADS
from app.web import session, settings, uploads
from costmodel import models

IN_ACCESS, IN_OPEN = 0x1, 0x20
"""linux/inotify.h."""
CONFIG = {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 100, "max_position_embeddings": 128,
    "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": False, "architectures": ["LlamaForCausalLM"],
}  # fmt: skip


def network() -> bytes:
    weight = helper.make_tensor("fc.weight", TensorProto.FLOAT, [8, 10], bytes(320), raw=True)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 10])
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "fc.weight"], ["y"])], "g", [x], [y], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10).SerializeToString()


def sent(data: bytes) -> str:
    return "data:application/octet-stream;base64," + base64.b64encode(data).decode()


@pytest.fixture
def browser(tmp_path, monkeypatch):
    """Become a browser by its name."""
    monkeypatch.setattr(settings, "current", lambda: settings.Settings(folder=tmp_path))

    def become(name):
        monkeypatch.setattr(session, "current", lambda: session.of_cookie(name * 43, tmp_path))

    become("a")
    return become


def test_an_onnx_file_is_explored_at_batches(browser):
    link = uploads.accept("net.onnx", sent(network()))
    assert uploads.known()[link].startswith("onnx:")
    assert uploads.name_of(link) == "net.onnx"
    asked = question.read(
        {"model": link, "devices": "l4", "precisions": "w8a8,bf16", "batch": "1,4"}, session_runs.uploads()
    )
    session_runs.prepare(asked)
    paths = [value.partition(":")[2] for value in asked.space.axis("model").values]
    assert [models.load(f"ops:{path}").batch for path in paths] == [1, 4]
    assert asked.linked(session_runs.uploads())["model"] == link


def custom(*kinds: str) -> bytes:
    """A chain of operators, those of no known name in a domain of their own."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8]) for name in ("t0", f"t{len(kinds)}")]
    nodes = [helper.make_node(kind, [f"t{i}"], [f"t{i + 1}"], domain="" if kind == "Relu" else "my", name=f"n{i}")
             for i, kind in enumerate(kinds)]  # fmt: skip
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:])
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("my", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def test_what_of_a_file_is_not_counted_is_said_as_it_arrives_and_beside_its_figure(browser):
    content = sent(custom("Relu", "Foo"))
    _, link, told, _ = answers.upload(content, "net.onnx", [])
    assert told.children == ["net.onnx is read: explore it. Not counted: n1 (my.Foo)."]
    asked = question.read({"model": link, "devices": "l4", "precisions": "w8a8,bf16"}, session_runs.uploads())
    found, about = session_runs.joined(session_runs.prepare(asked), ("loss", "latency_s"))
    assert (
        about == "No mixed precision: l4 has none: no layer has weights to choose a precision for. "
        "Not counted: n1 (my.Foo)."
    )
    view = answers.plane("ready", ["loss", "latency_s"], ["x", "y"])
    (unseen,) = answers._unseen(found, view, [0, 1])
    assert unseen == "Predicted loss is 0 in all of them, which a logarithmic axis cannot show."
    assert not answers._unseen(found, view | {"log": [False, True, False]}, [0, 1])


def test_a_file_of_which_nothing_is_counted_is_not_taken(browser):
    _, _, told, _ = answers.upload(sent(custom("Foo")), "net.onnx", [])
    assert "no op that costs anything; not counted: n0 (my.Foo)" in told.children


def test_an_uploaded_model_goes_by_its_files_name_and_batch(browser):
    link = uploads.accept("net.onnx", sent(network()))
    given = {"devices": "l4", "precisions": "w8a8,bf16", "batch": "1,4", "model": link}
    asked = question.read(given, session_runs.uploads())
    designs = session_runs.joined(session_runs.prepare(asked), ("latency_s", "loss"))[0]
    told = listing.rows(designs, front.view(designs, ("latency_s", "loss"), "model"))
    assert {row["what"].partition(" · ")[0] for row in told} == {"batch 1", "batch 4"}
    spoken = [session_runs.spoken(designs.values(row)) for row in range(len(designs))]
    assert {(values["model"], values["batch"]) for values in spoken} == {("net.onnx", 1), ("net.onnx", 4)}
    labels = asked.space.axis("model").labels
    assert [session_runs.titled(label) for label in labels] == ["net.onnx batch 1", "net.onnx batch 4"]
    assert session_runs.references(designs) == "Each precision, net.onnx batch 1"
    assert session_runs.grouping(designs, "batch") == "model"
    assert [session_runs.grouping(designs, per) for per in ("none", "device")] == ["none", "device"]
    record = compared.record(compare.read_design(f"{link}@l4@w8a8;batch=4"), "it")
    assert record["what"]["Model"] == "net.onnx"


def test_a_plan_of_an_uploaded_model_tells_its_name_and_no_folder(browser, tmp_path):
    link = uploads.accept("net.onnx", sent(network()))
    given = {"model": link, "device": "l4", "formats": "int8,bf16", "batch": "4"}
    asked = optimise.read(given, session_runs.uploads())
    kept = solution.for_pages(asked, solution.solve(asked, lambda *_: None))
    assert str(tmp_path) not in json.dumps(kept)
    assert kept["model"] == kept["provenance"]["command"][2] == "onnx:net.onnx"
    assert kept["provenance"]["inputs"]["onnx:net.onnx"]
    assert kept["batch"] == 4
    assert asked.linked(session_runs.uploads())["model"] == link
    assert sent_designs.of_plan(kept).startswith(f"{link}@l4@")


def test_a_config_is_a_language_model(browser):
    link = uploads.accept("config.json", sent(json.dumps(CONFIG).encode()))
    asked = question.read(
        {"model": link, "devices": "l4", "precisions": "bf16", "context": "64"}, session_runs.uploads()
    )
    assert (asked.phase, asked.context) == ("decode", (64,))
    assert session_runs.spoken(asked.space.design(0))["model"]["model"] == "config.json"


def test_another_browser_does_not_see_it(browser):
    link = uploads.accept("net.onnx", sent(network()))
    browser("b")
    assert uploads.known() == {}
    with pytest.raises(ValueError, match="upload the file again"):
        question.read({"model": link, "devices": "l4", "precisions": "bf16"}, session_runs.uploads())
    assert uploads.accept("mine.onnx", sent(network())) == link
    assert uploads.name_of(link) == "mine.onnx"


def test_two_browsers_do_not_see_each_others_runs(browser):
    asked = question.read({"model": "zoo:resnet18", "devices": "l4", "precisions": "w8a8"}, {})
    name = session_runs.prepare(asked)
    assert len(session_runs.joined(name, ("loss", "latency_s"))[0]) == 1
    browser("b")
    with pytest.raises(ValueError, match="no such run in this browser"):
        session_runs.joined(name, ("loss", "latency_s"))


@pytest.mark.parametrize("name", [None, 3, ["a"], "../../etc", "..", "x" * 32, "A" * 32, "shown"])
def test_no_name_reaches_elsewhere(browser, name):
    with pytest.raises(ValueError, match="no such run"):
        session_runs.joined(name, ("loss", "latency_s"))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.pt", sent(b"x"), "an upload is an .onnx file"),
        ("a.pkl", sent(b"x"), "an upload is an .onnx file"),
        (None, sent(b"x"), "an upload is an .onnx file"),
        ("a.onnx", "data:;base64,!!!", "damaged"),
        ("a.onnx", None, "empty"),
        ("a.onnx", sent(b""), "empty"),
        ("a.onnx", sent(b"not onnx"), "no ONNX model"),
        ("a.json", sent(b"{"), "JSON"),
        ("a.json", sent(b'{"model_type": "unheard-of"}'), "model_type"),
        ("a.json", sent(b"[" * 100_000), "nested too deep"),
        ("a.onnx", "data:;base64," + "A" * (45 << 20), "32 MiB"),
    ],
    ids=range(11),
)
def test_bad_files_are_one_line(browser, tmp_path, name, content, told):
    with pytest.raises(ValueError, match=rf"^[^\n]*{told}[^\n]*$") as caught:
        uploads.accept(name, content)
    assert str(tmp_path) not in str(caught.value)
    assert uploads.known() == {}


def test_a_huge_config_ends_at_the_limit(browser, monkeypatch):
    monkeypatch.setattr(uploads, "SECONDS", 3)
    huge = CONFIG | {"num_hidden_layers": 10**8}
    with pytest.raises(ValueError, match=r"within 3 s|signal|memory|num_hidden_layers"):
        uploads.accept("config.json", sent(json.dumps(huge).encode()))


def external(place: str) -> bytes:
    """The network with its weight in another file."""
    model = onnx.load_model_from_string(network())
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    return bytes(model.SerializeToString())


@contextmanager
def watched(path: Path) -> Iterator[Callable[[], bool]]:
    """Whether any process has opened a file, or read it, since it was last asked: as the kernel tells."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.inotify_init1(os.O_NONBLOCK)
    assert libc.inotify_add_watch(handle, os.fsencode(path), IN_OPEN | IN_ACCESS) >= 0, os.strerror(ctypes.get_errno())

    def opened() -> bool:
        try:
            return bool(os.read(handle, 4096))
        except BlockingIOError:
            return False

    yield opened
    os.close(handle)


def test_a_file_that_an_upload_names_is_not_opened(browser, tmp_path):
    named = tmp_path / "uploads" / "weights.bin"
    named.parent.mkdir()
    named.write_bytes(bytes(320))
    with watched(named) as opened:
        link = uploads.accept("net.onnx", sent(external("weights.bin")))
        assert not opened()
        named.read_bytes()
        assert opened()
    path = Path(uploads.known()[link].partition(":")[2])
    assert models.load(f"ops:{uploads.counted(path, 1)}").ops[0].weight_elements == 80


@pytest.mark.parametrize("place", ["/etc/passwd", "../../../../etc/passwd", "a/../../b", "C:\\b", "..\\b"])
def test_no_upload_names_a_file_elsewhere(browser, place):
    with pytest.raises(
        ValueError, match=r"^tensor 'fc.weight' has its data outside of the file's folder, in '[^\n]*'$"
    ):
        uploads.accept("net.onnx", sent(external(place)))
    assert uploads.known() == {}


def test_files_that_are_read_leave_the_server_places_to_answer(browser):
    places = uploads._places(os.getpid())
    for _ in range(uploads.MOST_READ):
        places.acquire()
    try:
        with pytest.raises(ValueError, match=r"^4 uploaded files are being read: try again in a minute$"):
            uploads.accept("net.onnx", sent(network()))
    finally:
        places.release(uploads.MOST_READ)
    assert uploads.accept("net.onnx", sent(network())) in uploads.known()
    assert uploads.MOST_READ < THREADS


def test_an_upload_is_deleted_with_the_last_session_that_had_it(browser, tmp_path):
    def kept():
        return {path.name.partition(".")[0][: uploads.DIGITS] for path in (tmp_path / "uploads").iterdir()}

    both, _ = (uploads.accept("net.onnx", sent(data)) for data in (network(), custom("Relu")))
    browser("b")
    uploads.accept("net.onnx", sent(network()))
    own = session.current().folder
    later = time.time() + session.KEPT_S + 60.0
    os.utime(own / "uploads", (later, later))
    session.forget_old(tmp_path, later)
    assert kept() == {both.removeprefix(uploads.PREFIX).partition(".")[0]}
    assert uploads.known()
    session.forget_old(tmp_path, later + session.KEPT_S + 60.0)
    assert kept() == set()
