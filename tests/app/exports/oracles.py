"""The tools that read our files, imported when a test first uses them, with what their import warns of left aside."""

import importlib
import warnings
from functools import cache


class Tool:
    """A module by name, imported at the first look at what is public in it."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, attribute):
        if attribute.startswith("_"):  # what pytest asks of everything in a test file, which is no use of the tool
            raise AttributeError(attribute)
        return getattr(_imported(self._name), attribute)


@cache
def _imported(name):
    """The module of that name; torchvision, which transformers imports, may be built for another torch."""
    import box_operators

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        box_operators.declare()
        return importlib.import_module(name)
