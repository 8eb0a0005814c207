"""Exports: the folder is the registry, files are whole, and every way to say a plan says the same."""

import json
import re

import pytest
from click.testing import CliRunner
from export_plans import plan, saved

import dse
from app import exports
from app.cli import cli
from app.results import layers
from costmodel import gpu, zoo
from dse.metric import loss, weight_bytes


def test_help_lists_every_target(bitfront):
    done = bitfront("export", "--help")
    assert done.returncode == 0, done.stderr
    for name, summary in exports.summaries().items():
        assert name in done.stdout
        assert summary


def test_every_target_says_which_version_it_follows():
    for name, module in exports._registry.targets().items():
        assert module.TOOL in (module.__doc__ or ""), name


def test_a_plan_of_the_command_line_is_written_whole(bitfront, tmp_path):
    done = bitfront("export", "torchao", str(saved(tmp_path, {"a.b": "int8/bf16"})), "--out", str(tmp_path / "q.json"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "q.json").read_text() == exports.render("torchao", tmp_path / "plan.json")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["plan.json", "q.json"]


def test_a_refused_plan_leaves_the_file_as_it_was(refused_here, tmp_path):
    out = tmp_path / "q.json"
    out.write_text("before")
    line = refused_here("export", "torchao", str(saved(tmp_path, {"a": "int16/bf16"})), "--out", str(out))
    assert "torchao cannot express layer 'a' in int16/bf16" in line
    assert out.read_text() == "before"


@pytest.mark.parametrize(
    ("target", "content", "told"),
    [
        ("torcha", {"assignment": {"a": "int8/bf16"}}, "unknown export target 'torcha'; did you mean torchao"),
        ("torchao", {"assignment": {}}, 'a plan has {"assignment": {layer: format}}'),
        ("torchao", [], 'a plan has {"assignment": {layer: format}}'),
        ("torchao", {"assignment": {"a": 8}}, "layer 'a' of the plan must have a format's name, got 8"),
        (
            "torchao",
            {"assignment": {"a": "int8/bf16@2"}},
            "a sparse format is spelled like int8@2:4, got 'int8/bf16@2'",
        ),
        ("torchao", {"assignment": {"a": "imt8/bf16"}}, "layer 'a' of the plan: unknown format 'imt8'; did you mean"),
    ],
)
def test_bad_input_is_one_line(refused_here, tmp_path, target, content, told):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(content))
    assert told in refused_here("export", target, str(path), "--out", str(tmp_path / "q"))


def test_no_plan_and_no_folder_are_one_line(refused_here, tmp_path):
    assert "cannot read the plan" in refused_here("export", "torchao", str(tmp_path / "no.json"), "--out", "x")
    (tmp_path / "bad.json").write_text("{")
    assert "is not a plan in JSON" in refused_here("export", "torchao", str(tmp_path / "bad.json"), "--out", "x")
    there = saved(tmp_path, {"a": "int8/bf16"})
    assert "no folder" in refused_here("export", "torchao", str(there), "--out", str(tmp_path / "no" / "q"))


def test_a_plan_its_json_and_its_file_say_the_same(tmp_path):
    choices = dse.choices(zoo.build("opt-125m"), ["int4", "int8", "bf16"])
    chosen = dse.minimize(loss, over=choices, on=gpu("h100_sxm"), subject_to=[weight_bytes <= 140e6])
    path = exports.write("torchao", chosen, tmp_path / "q.json")
    written = json.loads(path.read_text())["_data"]
    assert len(set(chosen.assignment.values())) > 1
    told = {"layers": layers(chosen.estimate())}
    assert written == json.loads(exports.render("torchao", plan(chosen.assignment, **told)))["_data"]
    assert written == json.loads(exports.render("torchao", saved(tmp_path, chosen.assignment, **told)))["_data"]
    configs = written["fqn_to_config"]
    assert configs["model.decoder.embed_tokens"] == configs["lm_head"] is not None
    (note,) = exports.notes(chosen)
    assert note.startswith("model.decoder.embed_tokens has the weights of lm_head")


TIED = [
    {"name": "words", "kind": "embedding", "row_elements": 256, "shares": "head"},
    {"name": "head", "kind": "linear", "b": 1, "k": 256, "n": 500, "weight_bytes": 2e6},
]


@pytest.mark.parametrize("target", exports.names())
def test_a_table_that_shares_a_heads_weights_has_its_format_or_is_refused(target):
    given = plan({"head": "int4_g128/bf16"}, layers=TIED)
    if target in ("torchao", "llm-compressor", "modelopt"):
        text = exports.render(target, given)
        assert "words has the weights of head and their format" in text
        assert "2 MB more" in text
        assert re.sub(r"words", "head", text).count("head") - text.count("head") >= 2
        return
    with pytest.raises(ValueError, match=r"layer 'words' in int4_g128/bf16, whose weights are those of 'head'") as told:
        exports.render(target, given)
    hint = "bf16/bf16 it can: solve with it among the formats and --pin 'head=bf16/bf16'"
    assert (hint in str(told.value)) == (target in ("gptqmodel", "auto-round", "brevitas", "qonnx"))


def test_a_refusal_tells_the_plans_own_format_that_the_tool_takes():
    pairs = {"q": "int8/int8", "k": "int4_g128/bf16"}
    with pytest.raises(ValueError, match=r"int4_g128/bf16 it can: .* --pin 'q=int4_g128/bf16'"):
        exports.render("gptqmodel", plan(pairs))


def test_groups_lie_along_a_tables_rows():
    rows = [{"name": "words", "kind": "embedding", "row_elements": 192}]
    with pytest.raises(ValueError, match="its rows of 192 weights do not divide into groups of 128"):
        exports.render("torchao", plan({"words": "int4_g128/bf16"}, layers=rows))
    assert exports.render("torchao", plan({"words": "int4_g64/bf16"}, layers=rows))


@pytest.mark.parametrize("kind", ["embedding", "experts"])
@pytest.mark.parametrize("target", ["torchao", "llm-compressor", "gptqmodel", "auto-round", "modelopt", "brevitas"])
def test_what_stays_as_it_is_needs_no_support(target, kind):
    pairs = {"words": "bf16/bf16", "a": "int8/bf16"}
    assert exports.render(target, plan(pairs, layers=[{"name": "words", "kind": kind}]))


def test_a_plan_of_bare_arrays_has_no_names():
    with pytest.raises(ValueError, match="no layer names"):
        exports.render("torchao", dse.allocate.solve([[0.0, 1.0]], {"b": [[2.0, 1.0]]}, {"b": 1}))


TINY = """
import torch
from torch import nn


def build():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)).eval()
    x = torch.randn(32, 1, 6, 6)
    return module, (x[:1],), {"calibration": (x, module(x).argmax(1)), "test": (x, module(x).argmax(1))}
"""


@pytest.fixture(scope="module")
def tiny_plan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny.py").write_text(TINY)
    asked = ["torch:tiny:build", "--on", "pynq_z1", "--formats", "int4,int8", "--budget", "weight_bytes<=200"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        CliRunner().invoke(cli, ["optimize", *asked, "--out", "plan.json"], catch_exceptions=False)
    return folder / "plan.json"


@pytest.mark.parametrize("target", exports.names())
def test_every_target_takes_a_plan_of_the_command_line_or_says_why_not(tiny_plan, target, monkeypatch):
    monkeypatch.chdir(tiny_plan.parent)
    out = tiny_plan.with_name(f"{target}.out")
    asked = ["export", target, "plan.json", "--out", str(out), "--json"]
    if target in ("modelopt", "brevitas", "qonnx", "finn", "hls4ml"):
        done = CliRunner().invoke(cli, asked, catch_exceptions=False)
        assert json.loads(done.stdout) == {
            "target": target,
            "schema": exports.schema(target),
            "out": str(out),
            "notes": [],
        }
        assert out.stat().st_size
    else:
        with pytest.raises(ValueError, match="cannot express layer '0' in int"):
            CliRunner().invoke(cli, asked, catch_exceptions=False)
        assert not out.exists()


def test_a_plan_says_the_ranges_that_it_was_measured_with(tiny_plan):
    rows = {row["name"]: row for row in json.loads(tiny_plan.read_text())["layers"]}
    assert rows["0"]["input_low"] < 0
    assert rows["3"]["input_low"] == 0
    assert (rows["0"]["b"], rows["0"]["k"], rows["0"]["n"]) == (1, 9, 4)
    found = json.loads(exports.render("brevitas", tiny_plan))["layers"]
    assert [found[name]["input_quant"].rpartition(".")[2][:4] for name in ("0", "3")] == ["Int8", "Uint"]


def test_calibration_data_are_those_of_the_command_that_solved_the_plan(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(exports, "Source", lambda model, data: asked.append((model, data)))
    for words in (["--data", "a:data"], ["--data=a:data"], ["--on", "x"]):
        path = saved(tmp_path, {"a": "bf16/bf16"}, provenance={"command": ["bitfront", "optimize", *words]})
        exports.render("torchao", path)
    exports.render("torchao", path, data="b:data")
    assert asked == [("torch:a:b", data) for data in ("a:data", "a:data", None, "b:data")]
