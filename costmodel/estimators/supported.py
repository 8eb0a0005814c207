"""What a workload asks for: of a device a link, somewhere to bring weights from, a decoder; of a format its bits."""

from collections.abc import Iterable, Sequence
from math import isclose

from costmodel.hardware import Device, Fpga, Gpu, brings, joined, links
from costmodel.precision import Precision
from costmodel.workload import Op, Workload
from costmodel.workload.dequantisation import DEQUANTISATION
from costmodel.workload.ops.collective import BRINGING, COLLECTIVES, bringing
from costmodel.workload.parallel.pipeline import stage_by


class UnsupportedError(ValueError):
    """A device has no link, or no decoder, that a workload needs, or a weight format not the bits of its codes."""


def require_supported(workload: Workload, device: Device) -> None:
    """UnsupportedError for exchanges, stages and experts outside of memory where nothing joins the device to others.

    And for codebooks on an FPGA, of which neither memory nor decoders are modelled. Devices of a batch have the same.
    """
    coded = next((op.name for op in workload.ops if op.kind == DEQUANTISATION and op.vector_elements), "")
    if coded and isinstance(device, Fpga):
        raise UnsupportedError(
            f"{coded} of {workload.name} makes weights, and no decoder of codebooks is built on {device.name}"
        )
    if not joined(device):
        exchange = next((op.name for op in workload.ops if op.kind in COLLECTIVES and op.kind != BRINGING), "")
        waiting = stage_by(workload)
        if exchange or waiting:
            net = workload.name
            needs = f"over which {exchange} of {net} goes" if exchange else f"for which {waiting} of {net} waits"
            named = f"; its TOML may name one, as link = {links()[0]!r}" if isinstance(device, Gpu) else ""
            raise UnsupportedError(f"{device.name} has no link to other GPUs, {needs}{named}")
    load = bringing(workload.ops)
    if load and not brings(device):
        stored = "; its TOML may name storage, as storage_bytes_per_s = 1e9" if isinstance(device, Gpu) else ""
        raise UnsupportedError(
            f"{device.name} has no link to memory outside of it, from where {load} brings experts{stored}"
        )


def require_code_bits(ops: Iterable[Op], precisions: Iterable[Precision]) -> None:
    """UnsupportedError for weights stored in codes of other bits than those of their format, scales in or not."""
    for op, used in zip(ops, precisions, strict=True):
        if not holds_codes(op, used):
            needs = f"{op.name} is stored in codes of {float(op.code_bits):g} bits"
            raise UnsupportedError(f"{needs}: a weight format of as many is needed, got {_told(used)}")


def holds_codes(op: Op, precision: Precision) -> bool:
    """Whether a weight format has the bits of an op's codes, or those of a code and its share of a scale."""
    fmt = precision.weight
    if not (op.code_bits and op.weight_elements):
        return True
    return any(isclose(op.code_bits, bits, rel_tol=1e-9) for bits in (fmt.bits, fmt.bits_per_element))


def coded(ops: Iterable[Op]) -> Sequence[Op]:
    """The first op of each width in which weights are stored in codes."""
    return tuple({op.code_bits: op for op in ops if op.code_bits and op.weight_elements}.values())


def _told(precision: Precision) -> str:
    fmt = precision.weight
    wide = fmt.bits_per_element
    return f"{fmt.name} of {fmt.bits:g}" + (f" ({wide:g} with scales)" if wide != fmt.bits else "")
