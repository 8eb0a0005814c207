"""The machine this runs on, measured."""

from profilers.cpu.machine import measure, write

__all__ = ["measure", "write"]
