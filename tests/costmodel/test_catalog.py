import sys
from types import ModuleType

import pytest

from costmodel import workload
from costmodel.catalog import UnknownNameError, modules, only, read_toml, require, toml_files


def test_an_unknown_name_lists_near_ones():
    with pytest.raises(UnknownNameError, match="unknown device 'H100_sxn'; did you mean h100_sxm") as error:
        require("device", "H100_sxn", ["a100_sxm", "h100_sxm", "t4"])
    assert isinstance(error.value, ValueError)


def test_without_near_names_it_lists_the_first_two_dozen():
    known = [f"name{i:02}" for i in range(30)]
    with pytest.raises(UnknownNameError, match=r"known: name00, .*name23 and 6 more$"):
        require("thing", "zzz", known)
    with pytest.raises(UnknownNameError, match=r"known: name00, name01$"):
        require("thing", "zzz", known[:2])
    with pytest.raises(UnknownNameError, match="none is known"):
        require("thing", "zzz", [])


def test_the_error_is_one_line_whatever_the_name():
    for name in ("two\nlines", "", "é\x00", 7, None):
        assert "\n" not in str(UnknownNameError("thing", name, ["one", "two"]))


def test_a_known_name_comes_back():
    assert require("thing", "b", iter("abc")) == "b"


def test_modules_are_those_of_the_folder(tmp_path, monkeypatch):
    folder = tmp_path / "catalogued"
    folder.mkdir()
    for name in ("zeta", "alpha", "_private"):
        (folder / f"{name}.py").write_text(f"NAME = {name!r}\n")
    (folder / "__init__.py").touch()
    (folder / "notes.txt").touch()
    monkeypatch.syspath_prepend(tmp_path)
    package = __import__("catalogued")
    try:
        found = modules(package)
        assert list(found) == ["alpha", "zeta"]
        assert [m.NAME for m in found.values()] == ["alpha", "zeta"]
    finally:
        for name in [n for n in sys.modules if n.startswith("catalogued")]:
            del sys.modules[name]


def test_the_op_constructors_are_a_catalog():
    from costmodel.workload import ops

    found = modules(ops)
    assert {"linear", "conv", "attention"} <= set(found)
    assert all(isinstance(m, ModuleType) and m.__name__.startswith(workload.__name__) for m in found.values())


def test_toml_files_by_stem_over_several_folders(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{folder}.toml").write_text("a = 1\n")
    (tmp_path / "one" / "readme.md").touch()
    found = toml_files(tmp_path / "one", tmp_path / "two", tmp_path / "absent")
    assert found == {"one": [tmp_path / "one" / "one.toml"], "two": [tmp_path / "two" / "two.toml"]}


def test_a_name_in_two_folders_has_no_one_file(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.toml").touch()
    with pytest.raises(ValueError, match="'same' is defined twice"):
        only(toml_files(tmp_path / "one", tmp_path / "two")["same"])


def test_read_toml(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text('x = 1.5e9\n[sources]\nx = "a paper"\n')
    assert read_toml(path) == {"x": 1.5e9, "sources": {"x": "a paper"}}


@pytest.mark.parametrize(
    "content",
    [
        b"x = ",
        b"x = 1\nx = 2\n",
        b"\xff\xfe",
        b"[[[",
        b"x = " + b"[" * 50_000,
        b"x = " + b"9" * 5000,
        b"d = 2020-13-45",
    ],
    ids=["cut", "twice", "not utf-8", "brackets", "deep", "huge number", "no such day"],
)
def test_a_broken_toml_raises_one_line_with_its_path(tmp_path, content):
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.toml is not valid TOML") as error:
        read_toml(path)
    assert "\n" not in str(error.value)


def test_an_unreadable_file_raises_one_line_with_its_path(tmp_path):
    with pytest.raises(ValueError, match=r"cannot read .*absent\.toml: No such file"):
        read_toml(tmp_path / "absent.toml")
    with pytest.raises(ValueError, match=r"cannot read .*: Is a directory"):
        read_toml(tmp_path)


def test_names_that_begin_like_an_unknown_one_are_the_nearest():
    known = ["vig_small", "vim_small", "vit_small_patch16_224", "vit_small_patch32_224"]
    assert UnknownNameError("model", "vit_small", known).near[:2] == known[2:]
