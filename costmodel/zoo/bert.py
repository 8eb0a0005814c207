"""BERT and a MiniLM sentence encoder of its architecture.

Devlin et al., BERT, arXiv 1810.04805, section 3, with the uncased vocabulary of transformers' BertConfig. MiniLM: Wang
et al., arXiv 2002.10957; 6 layers of width 384 as in sentence-transformers/all-MiniLM-L6-v2, 22,713,216 parameters.
"""

from costmodel.workload.architectures.bert import bert as shape
from costmodel.workload.language_model import LanguageModel
from costmodel.zoo._member import member

MODELS = {
    name: shape(name, layers=layers, d_model=d_model, heads=heads, d_ff=4 * d_model)
    for name, layers, d_model, heads in (
        ("bert-base", 12, 768, 12),
        ("bert-large", 24, 1024, 16),
        ("all-minilm-l6-v2", 6, 384, 12),
    )
}


def bert(name: str) -> LanguageModel:
    """Return a member by the part of its name after "bert-", as in bert("base"), or by its full name."""
    return member("bert", MODELS, name)
