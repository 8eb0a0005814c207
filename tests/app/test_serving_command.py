import json
from dataclasses import replace

import pytest

from app.serving import PHASES, _edited
from costmodel import models
from costmodel.strategies import strategy

SMALL = ("serving", "zoo:llama-3.2-1b", "--prompt", "512", "--output", "64")


@pytest.fixture(scope="module")
def planned(bitfront):
    args = (*SMALL, "--on", "a100_sxm,l40s", "--precision", "w4a16,w8a8,fp8_e4m3")
    done = bitfront(*args, "--price", "2", "--price", "l40s=1", "--ttft", "200ms", "--tpot", "0.02s", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_plans_are_ranked_by_cost_and_keep_the_limits(planned):
    rows = [row for row in planned["plans"] if "reason" not in row]
    assert len(rows) == 5
    costs = [row["cost_per_million"] for row in rows]
    assert costs == sorted(costs)
    for row in rows:
        price = {"a100_sxm": 2, "l40s": 1}[row["device"]]
        assert row["ttft_s"] <= 0.2
        assert row["tpot_s"] <= 0.02
        assert row["text_s"] == pytest.approx(row["ttft_s"] + 63 * row["tpot_s"])
        assert row["tokens_per_s_low"] < row["tokens_per_s"] < row["tokens_per_s_high"]
        assert row["cost_per_million"] == pytest.approx(price * row["gpus"] / 3600 / row["tokens_per_s"] * 1e6)
        assert row["cost_per_million_low"] < row["cost_per_million"] < row["cost_per_million_high"]


def test_what_cannot_run_says_why(planned):
    refused = [row for row in planned["plans"] if "reason" in row]
    assert [row["precision"] for row in refused] == ["fp8_e4m3"]
    assert all("a100_sxm has no fp8 pipe" in row["reason"] for row in refused)


def test_formats_cross_between_single_requests_and_large_batches(planned):
    found = [c for c in planned["crossovers"] if (c["device"], c["overtaken"]) == ("l40s", "w4a16")]
    assert "w8a8" in {c["overtakes"] for c in found}
    assert all(2 < c["batch"] < 200 for c in found)
    assert all(c["batch_low"] <= c["batch"] <= c["batch_high"] for c in planned["crossovers"])


def test_a_change_of_the_quicker_format_says_where_intervals_meet(bitfront):
    done = bitfront(*SMALL, "--on", "l40s", "--precision", "w4a16,w8a8")
    (line,) = [line for line in done.stdout.splitlines() if "on w8a8 writes more than w4a16" in line]
    assert "their intervals meet, so either may" in line


def test_without_a_price_no_cost_is_made_up(bitfront):
    done = bitfront(*SMALL, "--on", "a100_sxm", "--precision", "w8a8")
    assert done.returncode == 0, done.stderr
    assert "cost" not in done.stdout
    assert "tokens/s" in done.stdout


def test_impossible_limits_name_the_least_and_exit_3(refused):
    line = refused(*SMALL, "--on", "a100_sxm", "--ttft", "1us", "--tpot", "1us", code=3)
    assert "no server meets the limits; the least found, one request at a time: ttft_s 0.0" in line
    assert "tpot_s 0.00" in line
    line = refused("serving", "zoo:llama-3.1-70b", "--prompt", "8", "--output", "8", "--on", "t4", code=3)
    assert "no server fits: one request needs 141" in line


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--on", "a100_sxm", "--price", "0"), "a price must be a positive number an hour and GPU, got 0.0"),
        (("--on", "a100_sxm", "--price", "cheap"), "--price must be a number or DEVICE=number, got 'cheap'"),
        (("--on", "a100_sxm", "--price", "t4=1"), "--price names t4, which is not among a100_sxm"),
        (("--on", "a100_sxm", "--gpus", "two"), "--gpus must be whole numbers of at least 1, got 'two'"),
        (("--on", "a100_sxm", "--gpus", "3"), "3 GPUs do not divide the 2048 outputs of"),
        (("--on", "a100_sxm", "--ttft", "500"), "--ttft must be a time with its unit, as 500ms or 0.5s, got '500'"),
        (("--on", "a100_sxm", "--tpot", "0ms"), "tpot_s must be positive, got 0.0"),
        (("--on", "a100_sxm", "--mode", "static"), "unknown mode 'static'; known: continuous, synchronous"),
        (("--on", "a100_sxm", "--precision", "fp8_e4m3"), "a100_sxm has no fp8 pipe"),
        (("--on", "zcu104"), "serving is modelled on GPUs, zcu104 is none"),
        (("--on", "a100_sxm", "--output", "0"), "output must be a whole number of tokens of at least 1, got 0"),
    ],
)
def test_bad_servings_are_one_line(refused_here, args, says):
    assert says in refused_here(*SMALL, *args)


def test_a_vision_network_serves_no_tokens(refused_here):
    line = refused_here("serving", "zoo:resnet18", "--on", "a100_sxm", "--prompt", "8", "--output", "8")
    assert "resnet18 is a vision network" in line


def test_a_strategy_of_one_phase_leaves_the_other_alone(bitfront):
    args = (*SMALL, "--on", "l40s", "--precision", "bf16", "--tpot", "15ms", "--json")
    found = {}
    for edit in ("none", "speculative_decoding:draft=llama-3.2-1b", "nm_sparsity:n=2,m=4", "best_of_n:samples=2"):
        done = bitfront(*args, "--strategy", edit)
        assert done.returncode == 0, done.stderr
        found[edit.partition(":")[0]] = json.loads(done.stdout)
    assert all(found[name]["left_alone"] == [] for name in ("none", "nm_sparsity", "speculative_decoding"))
    assert found["best_of_n"]["left_alone"] == [{"strategy": "best_of_n:samples=2", "phase": "prefill"}]
    plain, drafted, sparse = (found[name]["plans"][0] for name in ("none", "speculative_decoding", "nm_sparsity"))
    assert 0 < drafted["batch"] != plain["batch"]
    assert sparse["batch"] > plain["batch"]


LATER = ("best_of_n:samples=4", "revisions:revisions=2", "quiet_star:thought_tokens=4", "speculative_decoding")


@pytest.mark.parametrize("first", ["nm_sparsity:n=2,m=4", "filter_pruning:keep=0.5", "double_rounding"])
@pytest.mark.parametrize("later", LATER)
def test_each_step_of_a_chain_edits_the_phases_that_it_takes(first, later):
    passes = _edited("zoo:llama-3.2-1b", f"{first} + {later}", 64)
    plain = {phase: models.load("zoo:llama-3.2-1b", phase=phase, batch=2, context=64) for phase in PHASES}
    assert passes("decode", 2, 64).ops == strategy(f"{first} + {later}")(plain["decode"]).ops
    own = tuple(op for op in passes("prefill", 2, 64).ops if not op.name.startswith("draft."))
    assert own == strategy(first)(plain["prefill"]).ops


def test_a_draft_reads_the_prompt_for_a_cache_of_its_own():
    prefill = strategy("speculative_decoding")(models.load("zoo:llama-3.1-8b", phase="prefill", batch=2, context=64))
    drafting = models.load("zoo:llama-3.2-1b", phase="prefill", batch=2, context=64)
    named = (replace(op, name=f"draft.{op.name}", inputs=()) for op in drafting.ops)
    assert tuple(replace(op, shares=op.shares and f"draft.{op.shares}") for op in named) == tuple(
        replace(op, inputs=()) for op in prefill.ops if op.name.startswith("draft.")
    )


def test_steps_that_stand_in_each_others_way_are_refused_in_a_line(refused_here):
    twice = "speculative_decoding + speculative_decoding"
    assert "has drafts once" in refused_here(*SMALL, "--on", "a100_sxm", "--strategy", twice)


def test_requests_of_one_length_have_no_padding(refused_here):
    refused = refused_here(*SMALL, "--on", "a100_sxm", "--strategy", "nm_sparsity:n=2,m=4 + padded_batches")
    assert "requests of serving are of one length, and none waits for a longer one: leave padded_batches out" in refused


def test_prompts_are_those_asked_for(refused_here, bitfront):
    args = (*SMALL, "--on", "a100_sxm", "--strategy", "compound_scaling:how={},factor=4")
    told = (
        "a prompt of serving has the 512 tokens asked for: compound_scaling:how=r,factor=4 makes it 2048, leave it out"
    )
    assert told in refused_here(*args[:-1], args[-1].format("r"))
    assert bitfront(*args[:-1], args[-1].format("w")).returncode == 0


def test_a_strategy_that_no_pass_takes_is_refused(refused_here):
    args = (*SMALL, "--on", "a100_sxm", "--strategy", "edge_moe")
    assert "llama-3.2-1b has no routed experts" in refused_here(*args)


@pytest.mark.parametrize(
    "strategy", ["parallel:tensor=2", "parallel:pipeline=3", "nm_sparsity:n=2,m=4 + parallel:data=2"]
)
def test_gpus_are_not_a_strategy(refused_here, strategy):
    line = refused_here(*SMALL, "--on", "a100_sxm", "--gpus", "2", "--strategy", strategy)
    assert line.endswith(f"between GPUs: leave {strategy.rpartition(' + ')[2]} out of --strategy")


def test_a_server_that_holds_no_request_hides_no_other(bitfront):
    args = ("serving", "zoo:deepseek-v2-lite", "--prompt", "16", "--output", "8")
    done = bitfront(*args, "--on", "l40s", "--gpus", "1,2", "--memory-share", "0.5", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    fits, lacks = json.loads(done.stdout)["plans"]
    assert (fits["gpus"], lacks["gpus"]) == (2, 1)
    assert fits["batch"] >= 1
    assert lacks["reason"] == "one request needs 31.4 GB of each GPU, of which a server may take 24.0"
