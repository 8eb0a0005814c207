import json
from dataclasses import replace

import pytest

import costmodel as cm

DECODE = ("zoo:llama-3.1-8b", "--context", "256", "--phase", "decode", "--batch", "8")

PAIR = ("--design", "a100_sxm@w4a16", "--design", "a100_sxm@w8a8")


def test_the_overtaker_is_lower_there_and_not_before(bitfront):
    args = ("zoo:llama-3.1-8b", "--context", "512", "--phase", "decode", *PAIR, "--axis", "batch=1:256")
    done = json.loads(bitfront("crossover", *args, "--json").stdout)
    (first, *_) = done["crossovers"]
    assert (first["overtakes"], first["overtaken"]) == ("a100_sxm@w8a8", "a100_sxm@w4a16")

    def latency(precision, batch):
        shape = ("--context", "512", "--phase", "decode", "--batch", str(batch))
        out = bitfront("estimate", "zoo:llama-3.1-8b", "--on", "a100_sxm", "--precision", precision, *shape, "--json")
        return json.loads(out.stdout)["totals"]["latency_s"]

    at = first["batch"]
    assert latency("w8a8", at) < latency("w4a16", at)
    assert latency("w8a8", at - 1) >= latency("w4a16", at - 1)


def test_a_draft_is_overtaken_as_the_batch_grows(bitfront):
    draft = "a100_sxm@bf16@speculative_decoding:draft_tokens=4,acceptance_rate=0.7"
    args = (
        "zoo:llama-3.1-8b",
        "--context",
        "512",
        "--design",
        "a100_sxm@bf16",
        "--design",
        draft,
        "--axis",
        "batch=1:256",
    )
    done = json.loads(bitfront("crossover", *args, "--json").stdout)
    assert done["ends"][draft][0] < done["ends"]["a100_sxm@bf16"][0]
    assert [(c["overtakes"], c["overtaken"]) for c in done["crossovers"]] == [("a100_sxm@bf16", draft)]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("zoo:resnet18", "--axis", "batch=1:8"), "at least two --design"),
        (("zoo:resnet18", *PAIR, "--axis", "batch=8:1"), "must rise"),
        (("zoo:resnet18", *PAIR[:2], *PAIR[:2], "--axis", "batch=1:8"), "different designs"),
        (("zoo:resnet18", *PAIR, "--axis", "width=1:8"), "unknown axis 'width'"),
        (("zoo:resnet18", *PAIR, "--axis", "device.memory_bytes_per_second=1:8"), "device.memory_bytes_per_s"),
        (("zoo:resnet18", *PAIR, "--axis", "device.memory_bytes_per_s=300:3000"), "bytes a second, as 2e12"),
        (("zoo:resnet18", *PAIR, "--axis", "batch=1.5:8"), "whole numbers"),
        (("zoo:resnet18", *PAIR, "--axis", "batch=1:many"), "takes numbers, got 'many'"),
        (("zoo:resnet18", *PAIR, "--axis", "batch=4"), "NAME=LOW:HIGH or NAME=VALUE,VALUE"),
        (("zoo:resnet18", *PAIR, "--axis", "device.lut=1:8"), "a Gpu has no lut"),
        (("zoo:resnet18", *PAIR, "--axis", "batch=1:8", "--metric", "lut"), "unknown total on a100_sxm 'lut'"),
        (
            ("zoo:resnet18", "--design", "l4@w8a8@nm:n=2", "--design", "l4@w8a8", "--axis", "batch=1:8"),
            "unknown strategy",
        ),
        (("zoo:resnet18", "--design", "a100_sxm", "--design", "l4@w8a8", "--axis", "batch=1:8"), "DEVICE@PRECISION"),
    ],
)
def test_bad_input_is_one_line(refused_here, args, says):
    assert says in refused_here("crossover", *args)


def estimated(device, precision, strategy="none", **fields):
    """Latency and its ends of a decoding pass on a device with other fields."""
    workload = cm.strategies.strategy(strategy)(cm.models.load(DECODE[0], batch=8, context=256, phase="decode"))
    totals = cm.estimate(workload, precision, replace(cm.device(device), **fields)).totals
    return [totals[name] for name in ("latency_s", "latency_low_s", "latency_high_s")]


def found(bitfront, *args):
    done = bitfront("crossover", *DECODE, *args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["crossovers"]


@pytest.mark.long
def test_a_field_of_the_device_is_an_axis(bitfront):
    pair = ("--design", "a100_sxm@w4a16", "--design", "h100_sxm@bf16")
    (c,) = found(bitfront, *pair, "--axis", "device.memory_bytes_per_s=5e11:4e12")
    assert (c["overtakes"], c["overtaken"]) == ("h100_sxm@bf16", "a100_sxm@w4a16")

    def both(at):
        return [estimated(*design.split("@"), memory_bytes_per_s=at) for design in pair[1::2]]

    at = c["device.memory_bytes_per_s"]
    for share, lower in ((0.999, 0), (1.001, 1)):
        times = [ends[0] for ends in both(at * share)]
        assert times.index(min(times)) == lower
    (_, low, high), (_, other_low, other_high) = both(at)
    assert max(low, other_low) <= min(high, other_high)
    assert c["from"] <= at <= c["to"]


def test_numbers_in_the_spelling_of_designs_are_axes(bitfront):
    gpus = ("--design", "a100_sxm@bf16@parallel:tensor={gpus}", "--design", "h100_sxm@bf16")
    (c,) = found(bitfront, *gpus, "--axis", "gpus=1,2,4")
    shared = {n: estimated("a100_sxm", "bf16", f"parallel:tensor={n}")[0] for n in (1, 2, 4)}
    assert c["gpus"] == min(n for n, time in shared.items() if time < estimated("h100_sxm", "bf16")[0])
    bits = ("--design", "l4@int{bits}/bf16", "--design", "l4@int4/bf16")
    (c,) = found(bitfront, *bits, "--axis", "bits=2:8", "--metric", "weight_bytes") or [None]
    assert (c["bits"], c["overtakes"]) == (5, "l4@int4/bf16")


def test_an_axis_that_changes_a_device_says_whose_constants_it_has(bitfront):
    asked = ("zoo:resnet18", *PAIR, "--axis")
    assert "keeps the constants measured" in bitfront("crossover", *asked, "device.memory_bytes_per_s=1e12:2e12").stdout
    (note,) = json.loads(bitfront("crossover", *asked, "device.clock_hz=1e9:2e9", "--json").stdout)["notes"]
    assert "they tell less" in note


LONG = ("zoo:llama-3.1-8b", "--context", "8192", "--phase", "decode")


def test_a_crossover_of_designs_that_do_not_fit_says_so(bitfront):
    """Caches of 129 sequences of 8192 tokens take nearly three times the memory of an L40S."""
    args = ("crossover", *LONG, "--design", "l40s@w8a8", "--design", "l40s@w4a16", "--axis", "batch=1:256")
    done = json.loads(bitfront(*args, "--json").stdout)
    (c,) = done["crossovers"]
    assert c["unfit"] == ["l40s@w8a8", "l40s@w4a16"]
    board = cm.gpu("l40s")

    def footprint(design, batch):
        decode = cm.models.load(LONG[0], context=8192, phase="decode", batch=batch)
        return cm.estimate(decode, design.partition("@")[2], board).totals["footprint_bytes"]

    assert footprint("l40s@w4a16", c["batch"]) > 2.9 * board.memory_bytes
    for design, (first, last) in done["fits"].items():
        assert first == 1
        assert footprint(design, last) <= board.memory_bytes < footprint(design, last + 1)
    told = bitfront(*args).stdout
    assert "both" in told.splitlines()[2]
    assert f"does not fit its device beyond {done['fits']['l40s@w4a16'][1]}" in told


def test_gpus_that_share_a_pass_make_it_fit(bitfront):
    designs = ("--design", "a100_sxm@bf16@parallel:tensor={gpus}", "--design", "h100_sxm@bf16")
    args = ("crossover", "zoo:llama-3.1-70b", "--context", "512", *designs, "--axis", "gpus=1,2,4")
    done = json.loads(bitfront(*args, "--json").stdout)
    assert done["fits"] == {designs[1]: [2, 4], designs[3]: None}
    (c,) = done["crossovers"]
    assert c["unfit"] == ["h100_sxm@bf16"]
    told = bitfront(*args).stdout
    assert "does not fit its device below 2" in told
    assert "does not fit its device: no such design can run" in told


def test_resources_of_an_fpga_run_out_too(bitfront):
    args = ("zoo:resnet18", "--design", "zcu104@w4a4", "--design", "u250@w4a4", "--axis", "batch=1,2")
    fits = json.loads(bitfront("crossover", *args, "--json").stdout)["fits"]
    assert fits == {"zcu104@w4a4": None, "u250@w4a4": [1, 2]}
