"""Layers moved from decoder to encoder: parameters stay nearly as many, transcription is several times faster."""

import pytest

import costmodel as cm
from costmodel.strategies import NMSparsity
from costmodel.strategies.shallow_decoder import ShallowDecoder, rtfx, transcription_s
from costmodel.workload.language_model import LanguageModel
from costmodel.workload.serving import encode
from costmodel.zoo.canary import MODELS, parameters, spoken

A100, W16A16 = cm.gpu("a100_sxm"), cm.W16A16


def test_canary_flash_is_canary_with_another_split() -> None:
    found = ShallowDecoder(32, 4).resized(MODELS["canary-1b"])
    flash = MODELS["canary-1b-flash"]
    assert (found.blocks, found.encoder) == (flash.blocks, flash.encoder)
    for phase in ("encode", "decode", "prefill"):
        workload = cm.zoo.build("canary-1b", phase=phase, batch=2, **({} if phase == "encode" else {"context": 7}))
        expected = cm.zoo.build(
            "canary-1b-flash", phase=phase, batch=2, **({} if phase == "encode" else {"context": 7})
        )
        assert ShallowDecoder(32, 4)(workload).ops == expected.ops


def test_the_split_of_parameters() -> None:
    (encoder, decoder), (more, fewer) = parameters("canary-1b"), parameters("canary-1b-flash")
    assert decoder / (encoder + decoder) == pytest.approx(0.40, abs=0.01)
    assert fewer / (more + fewer) == pytest.approx(0.08, abs=0.01)


@pytest.mark.parametrize("tokens", [30, 60])
def test_flash_is_predicted_a_few_times_faster(tokens: int) -> None:
    """Published: three times, on other data and batches; a shallow decoder pays the more the more tokens are spoken."""
    speed = {name: rtfx(MODELS[name], W16A16, A100, audio_s=10.0, tokens=tokens, batch=8) for name in MODELS}
    gain = speed["canary-1b-flash"] / speed["canary-1b"]
    assert 2.0 < gain < 5.0
    assert speed["canary-180m-flash"] > speed["canary-1b-flash"] > 1000


def test_a_transcription_is_an_encode_and_as_many_decodes_as_tokens() -> None:
    model = MODELS["canary-1b-flash"]
    encoding = cm.estimate(encode(model, 4), W16A16, A100).totals["latency_s"]
    ten, twenty = (transcription_s(model, W16A16, A100, tokens=n, batch=4) for n in (10, 20))
    assert encoding < ten < twenty < 2 * ten


@pytest.mark.parametrize("audio_s", [4.0, 10.0, 40.0])
def test_longer_speech_costs_the_encoder_more_than_in_proportion(audio_s: float) -> None:
    def macs(model: LanguageModel) -> float:
        return sum(op.macs for op in encode(model).ops)

    short, long = (spoken(MODELS["canary-1b-flash"], s) for s in (audio_s, 2 * audio_s))
    assert macs(long) > 1.95 * macs(short)


def test_whisper_takes_other_splits_too() -> None:
    workload = cm.zoo.build("whisper-small", phase="decode", context=10)
    shallow = ShallowDecoder(decoder_layers=2)(workload)
    assert len([op for op in shallow.ops if op.kind == "attention"]) == 4


@pytest.mark.parametrize(
    ("workload", "says"),
    [(cm.zoo.build("llama-3.2-1b", phase="decode"), "models with an encoder and a decoder, got llama"),
     (cm.zoo.build("resnet18"), "got resnet18"),
     (NMSparsity(2, 4)(cm.zoo.build("whisper-tiny", phase="encode")), "must be the first strategy")],
)  # fmt: skip
def test_other_models_are_refused(workload: cm.Workload, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ShallowDecoder(4, 2)(workload)


def test_negative_layers_and_silence_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 0, got -1 and 0"):
        ShallowDecoder(-1)
    with pytest.raises(ValueError, match=r"audio_s be positive, got 0\.0"):
        spoken(MODELS["canary-1b"], 0.0)
