"""Design-space exploration: search over the cost models."""
