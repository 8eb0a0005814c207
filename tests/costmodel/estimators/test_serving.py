"""Serving: batches of requests against their passes, limits against brute force, and published servers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
from costmodel.estimators import serving
from costmodel.estimators.pass_latency import pass_latency
from costmodel.estimators.server import Limits, Server
from costmodel.estimators.serving import Requests, cost_per_million
from costmodel.workload.serving import passes

A100, H100 = cm.gpu("a100_sxm"), cm.gpu("h100_sxm")
SMALL = cm.zoo.llama("3.2-1b")


def small(phase, batch, context):
    return passes(SMALL, phase=phase, batch=batch, context=context)


def eight_b(phase, batch, context):
    return passes(cm.zoo.llama("3.1-8b"), phase=phase, batch=batch, context=context)


SERVER = Server(small, "bf16", A100, Requests(512, 64))
SECONDS, BATCHES = st.floats(1e-6, 1e2), st.integers(1, 4096)


@pytest.mark.parametrize("precision", ["w4a16", "fp8_e4m3", {"*": "bf16", "model.layers.0.mlp.up_proj": "w8a8"}])
def test_many_passes_at_once_are_what_estimate_gives_for_each(precision):
    parts = [small("decode", 1, 100), small("decode", 7, 900), small("prefill", 2, 300)]
    found = pass_latency(parts, precision, H100)
    alone = [cm.estimate(part, precision, H100).totals for part in parts]
    for column, total in (("latency_s", "latency_s"), ("low_s", "latency_low_s"), ("high_s", "latency_high_s")):
        assert getattr(found, column) == pytest.approx([totals[total] for totals in alone])
    assert found.energy_j == pytest.approx([totals["energy_j"] for totals in alone])


@given(SECONDS, SECONDS, BATCHES, st.integers(1, 10**5), st.integers(2, 10**5))
def test_what_is_served_is_finite_and_positive_and_no_faster_than_its_decodes(prefill, decode, batch, prompt, output):
    requests = Requests(prompt, output)
    for mode in serving.MODES.values():
        served = mode(prefill, decode, batch, requests)
        assert all(0 < value < np.inf for value in vars(served).values())
        assert served.tpot_s >= decode
        assert served.ttft_s >= prefill
        slower = mode(2 * prefill, decode, batch, requests)
        assert slower.tokens_per_s < served.tokens_per_s
    busy = batch * output / ((output - 1) * decode)
    assert serving.continuous(prefill, decode, batch, requests).tokens_per_s <= busy


def test_a_batch_at_a_time_takes_what_its_passes_take():
    curve = replace(SERVER, mode="synchronous").curve([4])
    prefill = cm.estimate(small("prefill", 4, 512), "bf16", A100).totals["latency_s"]
    decode = cm.estimate(small("decode", 4, 512 + 31), "bf16", A100).totals["latency_s"]
    assert curve.ttft_s == pytest.approx(prefill)
    assert curve.tpot_s == pytest.approx(decode)
    assert curve.tokens_per_s == pytest.approx(4 * 64 / (prefill + 63 * decode))


def test_a_continuous_server_reads_as_often_as_requests_end():
    curve = SERVER.curve([8])
    prefill = cm.estimate(small("prefill", 1, 512), "bf16", A100).totals["latency_s"]
    decode = cm.estimate(small("decode", 8, 512 + 31), "bf16", A100).totals["latency_s"]
    assert curve.tokens_per_s == pytest.approx(8 * 64 / (63 * decode + 8 * prefill))
    assert prefill + 63 * curve.tpot_s == pytest.approx(8 * 64 / curve.tokens_per_s), (
        "each of eight, from its prefill on"
    )
    assert curve.ttft_s == pytest.approx(prefill + decode)


@pytest.mark.parametrize("mode", list(serving.MODES))
def test_an_answer_of_one_token_is_its_prefill(mode):
    """Which writes it: no decode follows, nor does a batch of them mean anything where requests are read one by one."""
    server = replace(SERVER, mode=mode, requests=Requests(512, 1))
    curve, i = server.best(Limits(tpot_s=1e-9))
    size = curve.batch[i]
    read = cm.estimate(small("prefill", int(size), 512), "bf16", A100).totals
    assert (size == 1) == (mode == "continuous")
    assert curve.ttft_s[i] == pytest.approx(read["latency_s"])
    assert curve.tpot_s[i] == 0
    assert curve.tokens_per_s[i] == pytest.approx(size / read["latency_s"])
    assert curve.energy_j_per_token[i] == pytest.approx(read["energy_j"] / size, rel=1e-6)


def test_one_request_at_a_time_is_stopped_by_no_other():
    decode = cm.estimate(small("decode", 1, 512 + 31), "bf16", A100).totals["latency_s"]
    assert SERVER.curve([1]).tpot_s == pytest.approx(decode)


def test_memory_is_that_of_estimate_with_every_cache_at_its_longest():
    totals = cm.estimate(small("decode", 24, 512 + 63), "bf16", A100).totals
    expected = totals["weight_bytes"] + totals["kv_bytes"]
    live = cm.estimate(small("prefill", 1, 512), "bf16", A100).totals["peak_activation_bytes"]
    assert SERVER.needs_bytes(24) == pytest.approx(expected + max(live, totals["peak_activation_bytes"]))
    batches = replace(SERVER, mode="synchronous").needs_bytes(np.array([1.0, 8.0]))
    live = [cm.estimate(small("prefill", b, 512), "bf16", A100).totals["peak_activation_bytes"] for b in (1, 8)]
    assert np.diff(batches) == pytest.approx(7 * totals["kv_bytes"] / 24 + live[1] - live[0], rel=1e-6)


@pytest.mark.parametrize("mode", list(serving.MODES))
def test_the_best_batch_is_the_largest_that_brute_force_finds(mode):
    server = replace(SERVER, mode=mode)
    every = server.curve(range(1, 49))
    ends = (every.ttft_s[20], every.tpot_s[40])
    for limits in (Limits(*ends), Limits(tpot_s=ends[1]), Limits(tpot_s=every.tpot_s[7])):
        met = np.flatnonzero((every.ttft_s <= limits.ttft_s) & (every.tpot_s <= limits.tpot_s))
        curve, i = server.best(limits)
        assert curve.batch[i] == every.batch[met[-1]]
        assert curve.tokens_per_s[i] == pytest.approx(every.tokens_per_s[met[-1]])


def test_batches_that_cannot_be_built_are_no_reason_against_those_that_can():
    def up_to_64(phase, batch, context):
        if batch > 64:
            raise ValueError("at most 64")
        return small(phase, batch, context)

    few = replace(SERVER, passes=up_to_64).curve([1, 8, 64])
    assert few.tokens_per_s == pytest.approx(SERVER.curve([1, 8, 64]).tokens_per_s)


def test_no_limit_is_met_or_nothing_fits():
    assert SERVER.best(Limits(ttft_s=1e-6)) is None
    whole = Server(eight_b, "bf16", cm.gpu("t4"), Requests(16, 4))
    assert whole.largest() == 0
    assert whole.best(Limits()) is None
    with pytest.raises(ValueError, match=r"one request needs 1.61e\+10 bytes of each GPU, of which a server"):
        _ = whole.whole


def test_more_gpus_never_lower_the_largest_batch_nor_raise_the_time_to_the_first_token():
    servers = [Server(small, "bf16", A100, Requests(2048, 256), gpus) for gpus in (1, 2, 4, 8)]
    largest = [server.largest() for server in servers]
    assert largest == sorted(largest)
    assert largest[0] < largest[-1]
    firsts = [server.curve([1]).ttft_s[0] for server in servers]
    assert firsts[3] < firsts[0]


def test_a_strategy_and_narrower_formats_leave_room_for_more_requests():
    pruned = cm.strategies.strategy("nm_sparsity:n=2,m=4")
    dense = Server(eight_b, "bf16", A100, Requests(4096, 512))
    sparse = replace(dense, passes=lambda *shape: pruned(eight_b(*shape)))
    assert dense.largest() < sparse.largest()
    assert dense.largest() < replace(dense, precision="w4a16").largest()
    assert dense.largest() < replace(dense, precision="bf16/bf16/fp8_e4m3").largest()


def test_four_bit_weights_win_alone_and_eight_bit_products_in_large_batches():
    """The finding of Kurtic et al., Give Me BF16 or Give Me Death, arXiv 2411.02355, abstract."""
    four, eight = (
        Server(eight_b, precision, cm.gpu("l40s"), Requests(512, 128)).curve([1, 128]).tokens_per_s
        for precision in ("int4_g128/bf16", "w8a8")
    )
    assert four[0] > eight[0]
    assert four[1] < eight[1]


@given(st.floats(1e-3, 1e9), st.integers(1, 64), st.floats(1e-3, 1e3))
def test_a_tokens_cost_is_positive_and_halves_at_twice_the_rate(rate, gpus, price):
    cost = cost_per_million(rate, gpus, price)
    assert 0 < cost < np.inf
    assert cost_per_million(2 * rate, gpus, price) == pytest.approx(cost / 2)
    assert cost_per_million(rate, 2 * gpus, price) == pytest.approx(2 * cost)


def test_published_servers_lie_within_the_interval():
    """vLLM on Llama-3.1-8B.

    Decoding alone at 75 tokens a second in bf16 on an A100 40GB after 1024 tokens, and 6.6 times the throughput with
    eight requests at once (johnmusgrave.com, vLLM throughput-latency sweep); a median of 6.48 ms a token in fp16 on an
    H100, of short chats alone (yobitelcomm.github.io/bench, concurrency sweep).
    """
    a100 = Server(eight_b, "bf16", cm.gpu("a100_sxm_40gb"), Requests(1024, 128), mode="synchronous").curve([1])
    assert a100.tpot_low_s[0] < 1 / 75 < a100.tpot_high_s[0]
    assert a100.tpot_s[0] == pytest.approx(1 / 75, rel=0.10)
    eight = Server(eight_b, "bf16", cm.gpu("a100_sxm_40gb"), Requests(1024, 128)).curve([1, 8]).tokens_per_s
    assert eight[1] / eight[0] == pytest.approx(6.6, rel=0.10)
    h100 = Server(eight_b, "fp16", H100, Requests(128, 128), mode="synchronous").curve([1])
    assert h100.tpot_s[0] == pytest.approx(6.48e-3, rel=0.10)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Requests(0, 1), "prompt must be a whole number of tokens of at least 1, got 0"),
        (lambda: Requests(1, 1.5), "output must be .*, got 1.5"),
        (lambda: Limits(ttft_s=0), "ttft_s must be positive, got 0"),
        (lambda: replace(SERVER, mode="static"), "unknown mode 'static'; known: continuous, synchronous"),
        (lambda: replace(SERVER, memory_share=1.5), "memory_share must be within 0..1, got 1.5"),
        (lambda: cost_per_million(1.0, 1, 0.0), "a price must be a positive number an hour and GPU, got 0.0"),
        (lambda: replace(SERVER, gpus=64).largest(), "64 GPUs do not divide the 32 heads of"),
        (lambda: replace(SERVER, precision="fp8_e4m3").curve([1]), "a100_sxm has no fp8 pipe"),
    ],
)
def test_bad_servers_are_told_in_a_line(make, says):
    with pytest.raises(ValueError, match=says) as told:
        make()
    assert "\n" not in str(told.value)
