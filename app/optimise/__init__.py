"""The page Optimise: what it asks, the problem behind it, what it answers."""
