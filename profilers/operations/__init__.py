"""Library calls of networks, on any device that PyTorch has: drawn, built, measured by their counts."""
