"""The main job on real data: a network trained here on scikit-learn's digits, optimised for an FPGA and a GPU."""
