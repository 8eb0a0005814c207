"""Make the oracles importable, without a network."""

import os

import box_operators

os.environ["HF_HUB_OFFLINE"] = "1"
box_operators.declare()
