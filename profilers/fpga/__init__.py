"""What a number format costs on an FPGA: units simulated against the formats, synthesised and counted."""

from profilers.fpga.cache import Cache
from profilers.fpga.design import Design
from profilers.fpga.rows import rows
from profilers.fpga.sample import sample
from profilers.fpga.synthesis import Progress, measure
from profilers.fpga.tool import YosysError
from profilers.fpga.verify import MismatchError
from profilers.fpga.verilog import verilog

__all__ = ["Cache", "Design", "MismatchError", "Progress", "YosysError", "measure", "rows", "sample", "verilog"]
