"""Published transformer architectures: one function each, from the numbers that set its size to a LanguageModel."""
