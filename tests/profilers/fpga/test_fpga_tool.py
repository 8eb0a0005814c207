import pytest

from profilers.fpga import tool


@pytest.fixture(autouse=True)
def _fresh():
    tool.yosys.cache_clear()
    yield
    tool.yosys.cache_clear()


def test_absent_yosys_names_the_extra(monkeypatch):
    monkeypatch.setattr(tool, "find_spec", {}.get)
    monkeypatch.setattr(tool.shutil, "which", {}.get)
    with pytest.raises(tool.YosysError, match=r"^no Yosys on this machine: pip install 'bitfront\[fpga\]'$"):
        tool.yosys()


def test_other_native_versions_are_refused(monkeypatch, tmp_path):
    native = tmp_path / "yosys"
    native.write_text("#!/bin/sh\necho 'Yosys 0.23 (git sha1 7ce5011c2)'\n")
    native.chmod(0o755)
    monkeypatch.setattr(tool, "find_spec", {}.get)
    monkeypatch.setattr(tool.shutil, "which", {"yosys": str(native)}.get)
    with pytest.raises(tool.YosysError, match=r"yosys 0\.23 on PATH is not among 0\.70: .*bitfront\[fpga\]"):
        tool.yosys()
    native.write_text("#!/bin/sh\necho 'Yosys 0.70 (git sha1 28ba3cb92)'\n")
    assert tool.yosys() == tool.Yosys((str(native),), "0.70")


def test_the_pinned_package_is_the_version_that_was_calibrated_with():
    assert tool.yosys().version in tool.KNOWN_GOOD
