"""What a device must have for a workload: a link to others, somewhere to bring weights from, a decoder."""

from costmodel.hardware import Device, Fpga, Gpu, brings, joined, links
from costmodel.workload import Workload
from costmodel.workload.dequantisation import DEQUANTISATION
from costmodel.workload.ops.collective import BRINGING, COLLECTIVES, bringing
from costmodel.workload.parallel.pipeline import stage_by


class UnsupportedError(ValueError):
    """A device has no link, or no decoder, that a workload needs."""


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
