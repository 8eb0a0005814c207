"""LUTs of dot products of binary and ternary operands: agreements counted, or numbers kept, inverted and dropped."""

from dataclasses import replace

import numpy as np

from costmodel.estimators.fpga.circuit_sites import circuit_parts, circuit_sites
from costmodel.estimators.fpga.site_calibration import calibration
from costmodel.formats import Format
from costmodel.precision import Precision
from costmodel.record import Real

MINIFLOAT_ERROR = 0.3
"""Assumed relative error where the other operand is a minifloat, which no synthesised design has (a judgement)."""


def coded(precision: Precision) -> Real:
    """Whether an operand is binary or ternary."""
    return _is_coded(precision.weight) | _is_coded(precision.activation)


def coded_sites(precision: Precision, terms: Real, acc_bits: Real) -> Real:
    """Sites of a row of `terms` with its accumulator; nan where no operand is binary or ternary.

    A minifloat is taken as an integer of its fixed-point width.
    """
    weight, activation = precision.weight, precision.activation
    signs, numbers = _chosen(_is_coded(weight), weight, activation), _chosen(_is_coded(weight), activation, weight)
    width = np.where(_is_coded(numbers), 2.0, numbers.bits + numbers.is_float * (2.0**numbers.exponent_bits - 2))
    signed = np.asarray(numbers.signed, dtype=bool) | _is_coded(numbers)
    values = replace(numbers, bits=width, signed=signed)  # type: ignore[arg-type]
    counted = circuit_sites("binary_dot", circuit_parts("binary_dot", n=terms, acc_bits=acc_bits))
    added = circuit_sites("sign_dot", circuit_parts("sign_dot", a=values, b=signs, n=terms, acc_bits=acc_bits))
    return np.where(_both_binary(precision), counted, np.where(coded(precision), added, np.nan))


def coded_error(precision: Precision) -> Real:
    """The relative error that nine in ten held-out designs of the kind stay within."""
    binary, sign = (calibration(name).held_out_error["p90"] for name in ("binary_dot", "sign_dot"))
    floating = np.asarray(precision.weight.is_float) | precision.activation.is_float
    return np.where(_both_binary(precision), binary, np.where(floating, MINIFLOAT_ERROR, sign))


def _both_binary(precision: Precision) -> Real:
    return np.asarray(precision.weight.name == "binary") & (precision.activation.name == "binary")


def _is_coded(fmt: Format) -> Real:
    return np.asarray(fmt.encoding == "codebook")


def _chosen(first: Real, one: Format, other: Format) -> Format:
    """The first format where `first` holds, the other elsewhere, in the fields that the circuits read."""
    names = ("bits", "signed", "encoding", "exponent_bits")
    return replace(one, **{name: np.where(first, getattr(one, name), getattr(other, name)) for name in names})
