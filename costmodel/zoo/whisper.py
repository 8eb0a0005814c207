"""Whisper, multilingual: Radford et al., Robust Speech Recognition via Large-Scale Weak Supervision, arXiv 2212.04356.

Sizes are table 1's; vocabulary, mel bins and positions are the checkpoints' ModelDimensions (openai/whisper).
"""

from costmodel.workload.architectures.whisper import whisper as shape
from costmodel.workload.language_model import LanguageModel
from costmodel.zoo._member import member

MODELS = {
    f"whisper-{size}": shape(
        f"whisper-{size}",
        d_model=d_model,
        encoder_layers=layers,
        encoder_heads=heads,
        encoder_d_ff=4 * d_model,
        decoder_layers=layers,
        decoder_heads=heads,
        decoder_d_ff=4 * d_model,
        vocab=vocab,
        mel_bins=mel_bins,
    )
    for size, layers, d_model, heads, vocab, mel_bins in (
        ("tiny", 4, 384, 6, 51_865, 80),
        ("base", 6, 512, 8, 51_865, 80),
        ("small", 12, 768, 12, 51_865, 80),
        ("medium", 24, 1024, 16, 51_865, 80),
        ("large-v3", 32, 1280, 20, 51_866, 128),
    )
}


def whisper(name: str) -> LanguageModel:
    """Return a member by the part of its name after "whisper-", as in whisper("large-v3")."""
    return member("whisper", MODELS, name)
