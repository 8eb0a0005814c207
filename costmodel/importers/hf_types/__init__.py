"""Hugging Face model types: one file each, named as config.json's `model_type`.

A file has `language_model(fields, name) -> LanguageModel`, which asks `fields` for the keys that its architecture has.
Defaults are those of transformers' configuration classes.
"""
