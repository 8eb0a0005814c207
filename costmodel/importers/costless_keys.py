"""Keys of a Hugging Face configuration that no operation of a pass depends on.

They name things, seed and regularise training, choose tokens, set constants inside an operation (an epsilon, a rotary
base), or say how experts are ranked, which is not counted. Read from transformers' configuration classes.
"""

SUFFIXES = (
    "_token_id", "_token_ids", "_tokens", "_token_index", "dropout", "_pdrop", "_drop", "layerdrop", "_eps", "_epsilon",
    "_std", "initializer_range", "_coef", "_alpha", "_version", "_hash", "dropout_rate",
)  # fmt: skip

NAMES = frozenset({
    "_name_or_path", "architectures", "attention_probs_dropout_prob", "auto_map", "begin_suppress_tokens",
    "cache_implementation", "classifier_proj_size", "dtype", "ep_size", "forced_decoder_ids", "gradient_checkpointing",
    "hidden_dropout_prob", "id2label", "is_encoder_decoder", "label2id", "max_length",
    "max_position_embeddings", "max_window_layers", "median_filter_width", "model_type", "n_ctx", "n_group",
    "norm_topk_prob", "num_hidden_layers", "original_max_position_embeddings", "output_attentions",
    "output_hidden_states", "output_router_logits", "output_scores", "prefix", "pretraining_tp",
    "problem_type", "qk_head_dim", "query_pre_attn_scalar", "reorder_and_upcast_attn", "return_dict",
    "rope_interleave", "rope_parameters", "rope_scaling", "rope_theta", "routed_scaling_factor",
    "router_jitter_noise", "scale_attn_by_inverse_layer_idx", "scale_attn_weights", "scale_embedding", "scoring_func",
    "seq_aux", "sliding_window", "summary_activation", "summary_first_dropout", "summary_proj_to_labels",
    "summary_type", "summary_use_proj", "task_specific_params", "topk_group", "topk_method", "torch_dtype",
    "unk_token", "use_cache",
})  # fmt: skip


def costs_nothing(key: str) -> bool:
    """Whether a key is known to change no count."""
    return key in NAMES or key.endswith(SUFFIXES) or key.startswith(("mask_time_", "mask_feature_"))
