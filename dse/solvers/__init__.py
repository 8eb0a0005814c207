"""Exact methods for the multiple-choice allocation problem, one a file."""
