"""How checkpoints hold their linear layers: one file each, named as the `quant_method` of their `quantization_config`.

A file ("_" for "-") has `read(config, wide) -> (Checkpoint, left)`: what the configuration says, beside numbers in the
format `wide`, and what formats do not hold of it. Read as transformers 5's quantizers do, and as the packages that they
load. Scales of whole tensors, channels and blocks of a matrix are left out, as everywhere here.
"""
