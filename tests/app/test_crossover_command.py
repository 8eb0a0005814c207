import json

import pytest

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
        (("zoo:resnet18", *PAIR, "--axis", "width=1:8"), "batch, context or resolution"),
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
