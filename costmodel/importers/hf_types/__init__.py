"""Hugging Face model types: one file each, named as config.json's `model_type` ("_" for "-").

A file has `language_model(fields, name) -> LanguageModel`, which asks `fields` for the keys that its architecture has,
and `HEADS` where its classes have others on top than those of a decoder (`_heads`). Defaults are those of transformers'
configuration classes.
"""
