"""Devices: GPUs, CPUs and FPGAs as records, one TOML file each."""

from costmodel.hardware.cpu import Cpu
from costmodel.hardware.fpga import Fpga
from costmodel.hardware.gpu import Gpu, PeakFlops
from costmodel.hardware.link import Link, beyond, brings, joined, link, link_of
from costmodel.hardware.link import names as links
from costmodel.hardware.load import Device, cpu, device, fpga, gpu, names, processor

__all__ = [
    "Cpu",
    "Device",
    "Fpga",
    "Gpu",
    "Link",
    "PeakFlops",
    "beyond",
    "brings",
    "cpu",
    "device",
    "fpga",
    "gpu",
    "joined",
    "link",
    "link_of",
    "links",
    "names",
    "processor",
]
