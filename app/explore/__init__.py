"""Exploring on a page: the question, its designs as columns, their front, and any one of them opened and edited."""
