"""Methods as studies: listed by their folder, run on small networks, summed over seeds, refused in a line."""

import io
import json
import re
from collections.abc import Callable, Iterator

import pytest

from app.commands.study import command
from app.demo import left_out, network
from app.study import methods
from app.study.methods import error_control, masked_training, word_lengths
from app.study.row import Row


def test_every_method_is_listed_with_a_sentence(bitfront: Callable[..., object]) -> None:
    listed = json.loads(bitfront("study", "--list", "--json").stdout)
    assert [row["method"] for row in listed] == list(methods.names())
    assert {"dynamic_filters", "sparse_attention", "filter_pruning", "minifloat_ptq", "adaquant", "low_rank"} <= set(
        methods.names()
    )
    assert all(row["what"].endswith(".") for row in listed)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "a study is a file or one of adaquant"),
        (("low_rnk",), "unknown study 'low_rnk'; did you mean low_rank?"),
        (("examples/minifloat_vs_int.toml",), "--out says where"),
    ],
)
def test_bad_input_is_one_line(refused: Callable[..., str], args: tuple[str, ...], says: str) -> None:
    assert says in refused("study", *args)


def test_seeds_are_averaged_and_what_is_not_known_is_said() -> None:
    found = [Row("net", "a", "cost", 0.5, "right", 0.8 + seed / 10, seed) for seed in (0, 1)]
    found += [Row("net", "b", "cost", float("nan"), "right", 0.5, seed) for seed in (0, 1)]
    first, second = methods.summary(found)
    assert first == {"network": "net", "setting": "a", "cost": "0.500", "right": "0.8500",
                     "over seeds": "0.8000 to 0.9000"}  # fmt: skip
    assert second["cost"] == "not known"


def test_what_was_measured_beside_is_averaged_where_it_is_finite() -> None:
    def shown(*values: float) -> str:
        found = [Row("net", "a", "cost", 1.0, "right", 0.5, i, {"sharpness": value}) for i, value in enumerate(values)]
        return str(methods.summary(found)[0]["sharpness"])

    assert [shown(0.25, 0.75), shown(0.25, float("nan")), shown(float("nan"))] == [
        "0.5000", "0.2500, 1 not finite", "not finite"
    ]  # fmt: skip


def test_training_in_few_bits_gives_a_row_a_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masked_training, "EPOCHS", 1)
    monkeypatch.setattr(masked_training, "LAYOUTS", ((8, 23), (8, 7), (3, 2)))
    whole, half, narrow = methods.rows("masked_training", 0)
    assert (whole.setting, whole.cost, narrow.setting) == ("e8m23", 1.0, "e3m2")
    assert half.cost < 1
    assert narrow.cost != narrow.cost, "no GPU has a pipe for six bits of its own"
    assert half.quality > narrow.quality
    assert all(row.beside["sharpness"] > 0 for row in (whole, half, narrow))


def test_decaying_masks_cost_the_training_that_was_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left_out, "TUNED", 2)
    monkeypatch.setattr(network.train, "__kwdefaults__", {**(network.train.__kwdefaults__ or {}), "epochs": 1})
    whole, stepwise, linear, exponential = methods.rows("decaying_mask", 0)
    assert (whole.costs, whole.cost, whole.beside["products left"]) == ("training FLOPs", 1.0, 1.0)
    assert 0.5 < stepwise.cost < linear.cost == exponential.cost < 1
    for row, used in ((stepwise, 0.7 * 0.5 + 0.3 / 4), (linear, 0.7 + 0.3 / 4)):
        assert row.beside["weights used"] == pytest.approx(used, abs=0.03), "the run goes as its cost counts it"
        assert 1 - row.cost == pytest.approx((1 - used) * (1 - linear.cost) / (1 - 0.775))
    assert len({row.beside["products left"] for row in (stepwise, linear, exponential)}) == 1


def test_where_somebody_watches_a_method_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def rows(name: str, seed: int) -> Iterator[Row]:
        yield from (Row("net", setting, "cost", 0.5, "right", 0.8, seed) for setting in ("whole", "int4 GPTQ"))

    monkeypatch.setattr(methods, "rows", rows)
    monkeypatch.setattr("sys.stderr", watched := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    command.callback("minifloat_ptq", listed=False, out=None, seeds=2, as_json=True)  # type: ignore[misc]
    assert "Running minifloat_ptq, 4 done, last net: int4 GPTQ, seed 1" in watched.getvalue()


def test_pairs_that_save_nothing_are_said_to() -> None:
    def found(*costs: float) -> list[Row]:
        return [Row("net", str(i), "products left", cost, "right", 0.5, 0) for i, cost in enumerate(costs)]

    (said,) = methods.notes("sparse_attention", found(1.0, 1.02, 1.01))
    assert said.startswith("No setting saves products: the predictor takes more")
    assert methods.notes("sparse_attention", found(1.0, 1.02, 0.99)) == []
    assert methods.notes("low_rank", found(1.0)) == []


def test_training_in_word_lengths_saves_what_it_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_lengths, "EPOCHS", 2)
    monkeypatch.setattr(word_lengths, "LIMITS", (0.02,))
    whole, found = methods.rows("word_lengths", 0)
    assert (whole.setting, whole.cost) == ("float32", 1.0)
    assert 0.1 < found.cost < 0.6
    assert found.quality > 0.3
    lengths, stored = re.fullmatch(
        r"limit 0.02: ([\d, ]+) bits, (\d+)% of float32's weight bytes", found.setting
    ).groups()
    bits = [int(length) for length in lengths.split(", ")]
    assert 0 < int(stored) <= 100 * max(bits) / 32 + 1


def test_gradients_that_are_not_sent_are_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_control, "STEPS", 2)
    whole, *found = methods.rows("error_control", 0)
    assert whole.cost == 1.0
    assert all(0.02 < row.cost < 0.03 for row in found)
    assert {row.setting.partition(", ")[2] for row in found} == {"no memory", "error compensation", "EControl"}


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "network", "settings"), [("dynamic_filters", "digits CNN", 4), ("sparse_attention", "digits ViT", 3)]
)
def test_what_a_cut_costs_and_loses_comes_from_its_own_network_alone(name: str, network: str, settings: int) -> None:
    whole, *found = methods.rows(name, 0)
    assert len(found) == settings - 1
    assert {row.network for row in (whole, *found)} == {network}
    assert whole.cost == 1.0
    assert all(row.quality > 0.5 for row in found)


@pytest.mark.long
def test_repairs_of_a_pair_of_formats_cost_the_same_and_give_answers_back() -> None:
    whole, *found = (row for row in methods.rows("minifloat_ptq", 0) if row.network == "digits CNN")
    gained = []
    for pair in ("int4/int4", "e2m1/e2m1", "int3/int6", "e2m0/e3m2"):
        right = {row.setting.removeprefix(f"{pair} "): row.quality for row in found if row.setting.startswith(pair)}
        assert len({row.cost for row in found if row.setting.startswith(pair)}) == 1
        gained += [right[repair] - right["nearest"] for repair in ("bias correction", "GPTQ and bias correction")]
        assert max(right.values()) > whole.quality - 0.01
    one_image = 1 / 719
    assert min(gained) > -1.5 * one_image
    assert sum(gained) / len(gained) > one_image


@pytest.mark.long
def test_plans_of_two_widths_keep_their_sizes_and_calibration_helps() -> None:
    whole, *found = methods.rows("adaquant", 0)
    assert whole.cost == 1.0
    for nearest, moved in zip(found[::2], found[1::2], strict=True):
        limit = float(nearest.setting.split()[2].rstrip(","))
        assert nearest.cost == moved.cost <= limit * (1 + 1e-9)
        assert moved.quality > whole.quality - 0.03


@pytest.mark.long
def test_widths_of_one_store_are_near_copies_of_their_own() -> None:
    _, *found = methods.rows("double_rounding", 0)
    for twice, once in zip(found[::2], found[1::2], strict=True):
        assert twice.cost < once.cost
        assert twice.quality > once.quality - 0.01


@pytest.mark.long
@pytest.mark.parametrize("name", ["low_rank", "mixed_groups", "additive_codebooks"])
def test_methods_on_trained_weights_lose_less_the_more_they_store(name: str) -> None:
    whole, *found = methods.rows(name, 0)
    assert whole.quality == pytest.approx(1.0, abs=1e-9)
    kinds = {"additive_codebooks": "x"}.get(name, "")
    bits = [(row.cost, row.quality) for row in found if kinds in row.setting]
    assert bits == sorted(bits)
    assert [quality for _, quality in bits] == sorted(quality for _, quality in bits)
