"""Transformer blocks as ops: one part of a block a file.

Every builder takes the name of the op that it reads and returns its ops, the last of which is its result.
"""
