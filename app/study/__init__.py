"""Weight formats against activation formats on networks trained in the run: accuracy against what an FPGA needs."""
