"""A home of one's own, and fits that take a second."""

import pytest

from profilers import calibration_fit, residual_fit
from profilers.boosting import Growth


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(residual_fit, "SMALL", Growth(trees=40, depth=4))
    monkeypatch.setattr(residual_fit, "SPREAD", Growth(trees=20, depth=3))
    monkeypatch.setattr(calibration_fit, "ADAPTED_SEEDS", 1)
