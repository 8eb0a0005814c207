"""The formats in which tensors pass from unit to unit: what writes one writes what its readers read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from costmodel.estimators.fpga.reach import reads
from costmodel.formats import Format
from costmodel.precision import Precision
from costmodel.workload import Workload

NONE_STATED: Mapping[str, Format] = MappingProxyType({})


def carried(
    workload: Workload,
    precisions: Sequence[Precision],
    named: Collection[str] = (),
    stated: Mapping[str, Format] = NONE_STATED,
) -> tuple[Precision, ...]:
    """Return the precisions, one an op, each with the `output` that is `stated` of it or that its readers read, the
    widest where they differ.

    An op without weights that is not among `named` passes on what it writes, and reads it: a pooling, a sum of two
    tensors. What nobody reads is written as its op reads.
    """
    wanted: list[list[Format]] = [[] for _ in workload.ops]
    found: list[Precision] = []
    for i, read in reversed(list(enumerate(reads(workload)))):
        op, used = workload.ops[i], precisions[i]
        read_as = max(reversed(wanted[i]), key=lambda each: each.bits_per_element, default=used.activation)
        written = stated.get(op.name, read_as)
        passes = op.weight_elements == 0 and op.name not in named
        found.append(replace(used, activation=written if passes else used.activation, output=written))
        for source in read:
            wanted[source].append(found[-1].activation)
    return tuple(reversed(found))
