"""Cost models: pure functions of ops, precisions and devices, scalars or arrays alike."""
