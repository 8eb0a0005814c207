"""DeepSeek-V2-Lite and DeepSeek-V3.

DeepSeek-AI, DeepSeek-V2, arXiv 2405.04434, appendix B.1 (V2-Lite; its first layer's MLP of 10944 and vocabulary of
102400 are of its config.json); DeepSeek-V3, arXiv 2412.19437, section 4.2, and transformers' DeepseekV3Config. V3's
module for predicting a second token is left out, as servers that do not speculate leave it out.
"""

from costmodel.workload.architectures.deepseek import deepseek as shape
from costmodel.workload.attention_shapes import LatentAttention
from costmodel.workload.feed_forward_shapes import Mlp, Moe
from costmodel.workload.language_model import LanguageModel
from costmodel.zoo._member import member

MODELS = {
    "deepseek-v2-lite": shape(
        "deepseek-v2-lite",
        vocab=102_400,
        d_model=2048,
        layers=27,
        dense_layers=1,
        attention=LatentAttention(16, q_lora_rank=0, kv_lora_rank=512, nope_dim=128, rope_dim=64, value_dim=128),
        mlp=Mlp(10944),
        moe=Moe(experts=64, experts_per_token=6, d_ff=1408, shared_d_ff=2 * 1408),
    ),
    "deepseek-v3": shape(
        "deepseek-v3",
        vocab=129_280,
        d_model=7168,
        layers=61,
        dense_layers=3,
        attention=LatentAttention(128, q_lora_rank=1536, kv_lora_rank=512, nope_dim=128, rope_dim=64, value_dim=128),
        mlp=Mlp(18432),
        moe=Moe(experts=256, experts_per_token=8, d_ff=2048, shared_d_ff=2048, router_correction=True),
    ),
}


def deepseek(name: str) -> LanguageModel:
    """Return a member by the part of its name after "deepseek-", as in deepseek("v3")."""
    return member("deepseek", MODELS, name)
