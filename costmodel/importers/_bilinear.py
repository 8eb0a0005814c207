"""A bilinear form: a linear layer of one vector, whose results a product with the other one adds."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from costmodel.importers import _shapes
from costmodel.importers._assembly import Cost
from costmodel.importers._aten_rules import Call
from costmodel.importers._value import Value

OPERATOR = "bilinear"
"""The aten operator: y = x1 W x2 + b, W (out, in1, in2)."""


def aten(call: Call, *, add: Callable[[Cost, Sequence[Value]], str]) -> tuple[str, ...]:
    """Add both products and return the name of the last; ValueError where shapes are not known.

    torch computes the second element by element, which its counter does not count, and ONNX files have a product.
    """
    x, y, weight = call["input1"], call["input2"], call["weight"]
    features, first, second = weight.dims
    rows = x.elements // first
    name = add(_shapes.linear(x, weight, features_out=features * second, features_in=first), (x, weight))
    made = Value((rows, features, second), (name,))
    product = _shapes.matmul(rows, features, 1, second, made.stored + y.stored)
    reads = (made, y, *((call["bias"],) if call["bias"] else ()))
    return (add(Cost(replace(product, name="matmul")), reads),)
