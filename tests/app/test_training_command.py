import json

import pytest

GPT = ("training", "zoo:gpt2", "--on", "a100_sxm", "--batch", "64", "--context", "512")


def test_layouts_are_told_with_the_time_to_train(bitfront):
    args = (*GPT, "--gpus", "8,16", "--tensor", "1,4,8", "--pipeline", "1,3", "--tokens", "1e9", "--price", "2")
    done = bitfront(*args, "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["plans"]
    ran = [row for row in rows if "reason" not in row]
    assert {(row["gpus"], row["tensor"], row["pipeline"]) for row in ran} == {
        (8, 1, 1), (8, 4, 1), (16, 1, 1), (16, 4, 1)
    }  # fmt: skip
    for row in ran:
        assert row["tensor"] * row["pipeline"] * row["data"] == row["gpus"]
        assert sum(row["parts_s"].values()) == pytest.approx(row["step_s"])
        assert row["days"] == pytest.approx(1e9 * row["step_s"] / (64 * 512) / 86400)
        assert row["cost"] == pytest.approx(row["days"] * 24 * row["gpus"] * 2)
        assert 0 < row["mfu"] <= row["hfu"] < 1
    reasons = {row["tensor"]: row["reason"] for row in rows if "reason" in row}
    assert "8 GPUs do not divide the 12 heads" in reasons[8]
    steps = [row["step_s"] for row in ran if row["gpus"] == 8]
    assert steps == sorted(steps)


def test_computing_layers_anew_takes_time_and_saves_memory(bitfront):
    rows = {}
    for what in ("none", "pointwise", "layers"):
        done = bitfront(*GPT, "--gpus", "1", "--micro-batch", "8", "--recompute", what, "--json")
        (rows[what],) = json.loads(done.stdout)["plans"]
    for less, more in (("none", "pointwise"), ("pointwise", "layers")):
        assert rows[less]["step_s"] < rows[more]["step_s"]
        assert rows[less]["memory_bytes"] > rows[more]["memory_bytes"]
    assert rows["layers"]["hfu"] / rows["layers"]["mfu"] == pytest.approx(4 / 3, rel=0.1)


def test_a_strategy_edits_what_is_trained(bitfront):
    sparse = bitfront(*GPT, "--strategy", "block_sparsity:density=0.5", "--json")
    dense = bitfront(*GPT, "--json")
    (less,), (more,) = (json.loads(done.stdout)["plans"] for done in (sparse, dense))
    assert less["step_s"] < more["step_s"]
    assert less["memory_bytes"] < more["memory_bytes"]


def test_the_table_says_what_does_not_divide(bitfront):
    done = bitfront(*GPT, "--gpus", "8", "--tensor", "1,8", "--micro-batch", "8")
    assert done.returncode == 0, done.stderr
    assert "tokens/s" in done.stdout
    assert "8 GPUs do not divide the 12 heads" in done.stdout


def test_a_model_that_fits_no_layout_names_the_least_and_exits_3(refused):
    model = ("zoo:gpt3-175b", "--on", "a100_sxm", "--batch", "8", "--context", "2048")
    line = refused("training", *model, "--gpus", "8", "--tensor", "8", code=3)
    assert "no layout fits: the least needs" in line
    assert "which has 80.0" in line


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--gpus", "0"), "--gpus must be whole numbers of at least 1 and at most 1000000, got '0'"),
        (("--gpus", "1000000000"), "--gpus must be whole numbers of at least 1 and at most 1000000, got '1000000000'"),
        (("--tensor", "two"), "--tensor must be whole numbers of at least 1 and at most 1000000, got 'two'"),
        (("--gpus", "8", "--tensor", "3"), "no product of --tensor and --pipeline divides 8 GPUs"),
        (("--gpus", "5", "--pipeline", "5"), "5 stages do not divide the 12 layers"),
        (("--gpus", "3"), "3 replicas of micro-batches of 1 do not divide 64"),
        (
            ("--strategy", "distributed_training:data=2"),
            "--pipeline make the training step: leave distributed_training:data=2 out of --strategy",
        ),
        (("--zero", "4"), "a ZeRO stage is 0, 1, 2 or 3, got 4"),
        (("--overlap", "foo"), "unknown overlap 'foo'; known: data, pipeline, tensor"),
        (("--interleave", "0"), "interleave must be a whole number of chunks a stage of at least 1, got 0"),
        (("--batch", "0"), "batch must be a whole number of samples of at least 1, got 0"),
        (("--batch", "-8"), "batch must be a whole number of samples of at least 1, got -8"),
        (("--recompute", "some"), "unknown --recompute 'some'"),
        (("--network", "ib"), "did you mean ib_"),
        (("--price", "0"), "--price must be positive, got 0.0"),
        (("--tokens", "-1"), "--tokens must be positive, got -1.0"),
        (("--images", "1e6"), "--images do not go with --context: a sequence has tokens"),
        (("--on", "zcu104"), "training is modelled on GPUs, zcu104 is none"),
    ],
)
def test_bad_layouts_are_one_line(refused_here, args, says):
    assert says in refused_here(*GPT, *args)


@pytest.mark.parametrize(
    "strategy", ["parallel:tensor=2", "parallel:pipeline=4", "block_sparsity:density=0.5 + parallel:data=2"]
)
def test_gpus_of_training_are_not_a_strategy(refused_here, strategy):
    line = refused_here(*GPT, "--gpus", "8", "--strategy", strategy)
    assert line.endswith(f"divide the network between GPUs: leave {strategy.rpartition(' + ')[2]} out of --strategy")


def test_a_network_on_one_gpu_is_whole(bitfront):
    assert _step(bitfront, "parallel") == _step(bitfront, "none")


def _step(bitfront, strategy, *more):
    (row,) = json.loads(bitfront(*GPT, "--strategy", strategy, "--json", *more).stdout)["plans"]
    return row


def test_a_schedule_is_the_mean_step_of_a_training_whose_weights_all_stay(bitfront):
    """They are read and multiplied as in the dense training: only the FLOPs that count are fewer."""
    dense, pruned = _step(bitfront, "none"), _step(bitfront, "nm_sparsity:n=1,m=8")
    fading = _step(bitfront, "decaying_mask:n=1,m=8,schedule=mdgf_exponential")
    stepwise = [_step(bitfront, f"decaying_mask:n=1,m=8,dense={share}") for share in (0.0, 0.9)]
    assert pruned["step_s"] < dense["step_s"]
    assert stepwise[0]["mfu"] < stepwise[1]["mfu"] < fading["mfu"] == dense["mfu"]
    for name in ("step_s", "step_low_s", "step_high_s", "memory_bytes"):
        assert all(row[name] == pytest.approx(dense[name], rel=1e-12) for row in (fading, *stepwise)), name


def test_adapt_takes_the_command_and_stages_that_its_globs_leave_out(bitfront):
    args = ("--gpus", "2", "--pipeline", "2")
    dense, sparse = _step(bitfront, "none", *args), _step(bitfront, "adapt:density=0.5,copies=false", *args)
    assert sparse["parts_s"] == pytest.approx(dense["parts_s"], rel=1e-12)
    assert sparse["mfu"] < dense["mfu"]
    first = _step(bitfront, "decaying_mask:n=1,m=8,layers=transformer.h.0.*", *args)
    assert pytest.approx(dense["step_s"]) == first["step_s"]


def test_a_time_that_no_gpu_reaches_is_said(bitfront):
    said = "adapt:word_lengths=8;16: time of products goes with their bits, as units serial in bits would run them"
    args = (*GPT, "--precision", "fp32", "--strategy")
    assert bitfront(*args, "adapt:word_lengths=8;16").stdout.splitlines()[-1].startswith(said)
    (note,) = json.loads(bitfront(*args, "adapt:word_lengths=8;16", "--json").stdout)["notes"]
    assert note.startswith(said)
    assert json.loads(bitfront(*args, "adapt:word_lengths=32", "--json").stdout)["notes"] == []
    one = ("estimate", "zoo:resnet18", "--phase", "training", "--precision", "fp32", "--json", "--on")
    for device in ("a100_sxm", "h100_sxm"):
        notes = json.loads(bitfront(*one, device, "--strategy", "adapt:word_lengths=8;16").stdout)["notes"]
        assert any(note.startswith(said) for note in notes)
    assert json.loads(bitfront(*one, "a100_sxm", "--strategy", "adapt").stdout)["notes"] == []


def test_a_schedule_of_no_layer_is_refused(refused_here):
    line = refused_here(*GPT, "--strategy", "decaying_mask:n=1,m=8,layers=nosuch*")
    assert "no layer of gpt2 matches 'nosuch*'" in line


RESNET = (
    "training",
    "zoo:resnet18",
    "--on",
    "a100_sxm",
    "--batch",
    "256",
    "--micro-batch",
    "32",
    "--precision",
    "bf16",
)


def test_a_vision_network_is_trained_on_images(bitfront, refused_here):
    args = (*RESNET, "--gpus", "1,8", "--images", "1.15e8")
    one, eight = json.loads(bitfront(*args, "--json").stdout)["plans"]
    assert one["samples_per_s"] == pytest.approx(256 / one["step_s"])
    assert eight["days"] == pytest.approx(1.15e8 * eight["step_s"] / 256 / 86400)
    assert 1 < one["step_s"] / eight["step_s"] <= 8
    sparse = json.loads(bitfront(*args, "--strategy", "sparse_ift:sparsity=0.75", "--json").stdout)["plans"]
    assert sparse[0]["step_s"] > one["step_s"], "zeros are multiplied"
    assert "samples/s" in bitfront(*RESNET, "--resolution", "160").stdout
    assert "zoo:gpt2 reads tokens: --context says how many" in refused_here(*GPT[:-2])
    assert "--tokens need --context, the tokens of a sequence; a network of images takes --images" in refused_here(
        *RESNET, "--tokens", "1e9"
    )


def test_what_has_no_cost_is_said(bitfront, tmp_path):
    config = {"model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
    config |= {"num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": 1000, "mystery": 3}
    (tmp_path / "config.json").write_text(json.dumps(config))
    args = ("training", f"hf:{tmp_path / 'config.json'}", "--on", "a100_sxm", "--batch", "8", "--context", "64")
    assert bitfront(*args).stdout.endswith("Not counted: mystery=3.\n")
    (row,) = json.loads(bitfront(*args, "--json").stdout)["plans"]
    assert row["uncounted"] == ["mystery=3"]
