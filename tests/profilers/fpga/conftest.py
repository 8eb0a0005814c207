"""One Yosys run for all tests of units."""

import pytest
from small_designs import SMALL

from profilers.fpga.flow import synthesise
from profilers.fpga.tool import yosys


@pytest.fixture(scope="session")
def mapped():
    """Netlists of SMALL by design."""
    return dict(zip(SMALL, synthesise(SMALL, "xc7", yosys()), strict=True))
