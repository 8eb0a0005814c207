"""Every language model of the zoo by name."""

from costmodel.workload.language_model import LanguageModel
from costmodel.zoo.bert import MODELS as BERT
from costmodel.zoo.canary import MODELS as CANARY
from costmodel.zoo.deepseek import MODELS as DEEPSEEK
from costmodel.zoo.gpt import MODELS as GPT
from costmodel.zoo.llama import MODELS as LLAMA
from costmodel.zoo.mistral import MODELS as MISTRAL
from costmodel.zoo.mixtral import MODELS as MIXTRAL
from costmodel.zoo.openelm import MODELS as OPENELM
from costmodel.zoo.opt import MODELS as OPT
from costmodel.zoo.qwen import MODELS as QWEN
from costmodel.zoo.whisper import MODELS as WHISPER

FAMILIES: dict[str, dict[str, LanguageModel]] = {
    "bert": BERT,
    "canary": CANARY,
    "deepseek": DEEPSEEK,
    "gpt": GPT,
    "llama": LLAMA,
    "mistral": MISTRAL,
    "mixtral": MIXTRAL,
    "openelm": OPENELM,
    "opt": OPT,
    "qwen": QWEN,
    "whisper": WHISPER,
}
EVERY: dict[str, LanguageModel] = {name: model for models in FAMILIES.values() for name, model in models.items()}
