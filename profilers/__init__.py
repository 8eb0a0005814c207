"""Measurement: what devices and synthesis tools really take."""
