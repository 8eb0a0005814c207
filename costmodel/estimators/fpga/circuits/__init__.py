"""Arithmetic circuits on the fabric, one a file: what each consists of, in LUT6 sites as its structure suggests.

Each module has parts(a, b, *, n, acc_bits, out) -> the parts by the name of their constant: array formulas over the
fields of operand formats, terms, accumulator bits and output format. Arguments that a circuit lacks mean nothing to it.
profilers/fpga/rtl holds the same circuits in Verilog, profilers/fpga/units what they compute. A multiplexer of four
inputs, a 6-input function and a bit of an adder with what feeds it are a site each (AMD, 7 Series FPGAs Configurable
Logic Block, UG474).
"""
