"""One arithmetic unit a file.

Each module has check(design), which raises ValueError on formats and sizes that the unit does not take; ports(design);
instance(design), the Verilog between the ports; and reference(design, inputs), the output's meaning from the formats
alone: Python integers (None: unspecified, flagged invalid) or float64 values, of the inputs' leading shape.
"""
