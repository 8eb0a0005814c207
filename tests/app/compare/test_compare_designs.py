"""Designs as they stand in the table: names by what differs, sums by kind, rates, crossovers in words."""

import pytest

import costmodel as cm
from app.compare import answers, curves, designs, question

LLAMA = "zoo:llama-3.2-1b@l40s@{};phase={};batch=4;context=512"
RESNET = "zoo:resnet18@zcu104@w4a4;batch=2"


def test_names_are_what_differs():
    read = [question.read_design(LLAMA.format(p, "decode")) for p in ("w4a16", "w8a8", "w8a8")]
    assert designs.names(read[:2]) == ["w4a16", "w8a8"]
    assert designs.names(read) == ["w4a16", "w8a8 (1)", "w8a8 (2)"]
    mixed = designs.names([read[0], question.read_design(RESNET)])
    assert mixed[0].startswith("llama-3.2-1b l40s w4a16")


@pytest.mark.parametrize(("phase", "tokens"), [("decode", 4), ("prefill", 4 * 512), ("training", 4 * 512)])
def test_tokens_per_second_count_what_a_pass_reads_or_writes(phase, tokens):
    found = designs.record(question.read_design(LLAMA.format("w8a8", phase)), "x")["values"]
    assert found["tokens_per_s"]["value"] == pytest.approx(tokens / found["latency_s"]["value"])
    assert found["tokens_per_s"]["low"] == pytest.approx(tokens / found["latency_s"]["high"])
    assert found["footprint_bytes"]["share"] == found["footprint_bytes"]["value"] / cm.gpu("l40s").memory_bytes


@pytest.mark.parametrize("phase", ["prefill", "decode"])
def test_tokens_per_second_are_those_of_the_scaled_context(phase):
    text = f"zoo:gpt2@a100_sxm@bf16;phase={phase};batch=4;context=256"
    found = designs.record(question.read_design(f"{text};strategy=compound_scaling:how=r,factor=4"), "x")
    tokens = 4 * (1 if phase == "decode" else 1024)
    assert found["values"]["tokens_per_s"]["value"] == pytest.approx(tokens / found["values"]["latency_s"]["value"])
    assert found["what"]["Context"] == "1,024, scaled from 256"


def test_kinds_add_up_to_the_total():
    found = designs.record(question.read_design(LLAMA.format("w8a8", "decode")), "x")
    for metric in ("latency_s", "weight_bytes"):
        assert sum(found["kinds"][metric].values()) == pytest.approx(found["values"][metric]["value"])


def test_layers_that_work_at_once_are_drawn_by_their_busy_time():
    serial, stages = (designs.record(question.read_design(t), "x") for t in (LLAMA.format("w8a8", "decode"), RESNET))
    offered = [
        [each["value"] for each in answers.kinds(r, "latency_s", "dark", False)[1]]
        for r in ([serial], [serial, stages])
    ]
    assert [("latency_s" in names, "busy_s" in names) for names in offered] == [(True, False), (False, True)]
    assert answers.kinds([serial, stages], "latency_s", "dark", False)[2] == "busy_s"
    bars = [answers.kinds([serial, stages], "busy_s", "dark", narrow)[0]["data"][0]["y"] for narrow in (False, True)]
    assert [list(names) for names in bars] == [["x", "x"], ["A", "B"]]
    assert sum(stages["kinds"]["busy_s"].values()) > stages["values"]["latency_s"]["value"]


def test_an_fpga_has_shares_of_its_resources():
    found = designs.record(question.read_design(RESNET), "x")["values"]
    assert found["lut"]["share"] == found["lut"]["value"] / cm.fpga("zcu104").lut
    assert found["examples_per_s"]["value"] > 0


def test_examples_per_second_cross_where_latencies_do():
    texts = {slot: LLAMA.format(p, "decode") for slot, p in zip("ab", ("w4a16", "w8a8"), strict=True)}
    by_latency, by_rate = (curves.curves(question.read(texts | {"metric": m})) for m in ("latency_s", "examples_per_s"))
    places = [[(c["at"], c["after"]) for c in found["crossovers"]] for found in (by_latency, by_rate)]
    assert places[0]
    assert places[0] == places[1]
    assert all(c["at"] in by_rate["values"] for c in by_rate["crossovers"])
    ranges = [[(c["from"], c["to"]) for c in found["crossovers"]] for found in (by_latency, by_rate)]
    assert ranges[0] == ranges[1]
    assert all(low < c["at"] < high for (low, high), c in zip(ranges[0], by_rate["crossovers"], strict=True))
    assert "their ranges overlap" in curves.sentences(by_latency)[0]


def test_without_a_crossover_the_leader_is_named():
    texts = {slot: LLAMA.format(p, "decode") for slot, p in zip("ab", ("w4a16", "w8a8"), strict=True)}
    found = curves.curves(question.read(texts | {"metric": "weight_bytes"}))
    assert curves.sentences(found) == ["No crossover from batch 1 to 512: by weight storage, w4a16 leads all along."]
    alone = found | {"series": found["series"][:1]}
    assert curves.sentences(alone) == ["One design alone: add another to see where either leads."]
