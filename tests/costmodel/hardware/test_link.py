"""Links between GPUs: every value cited, and what a wrong file says."""

from dataclasses import fields

import pytest

from costmodel.catalog import UnknownNameError
from costmodel.hardware import gpu, link, link_of, names
from costmodel.hardware.link import names as links

GOOD = """
bytes_per_s = 25e9
achievable = 0.9

[[protocols]]
name = "only"
start_s = 1e-6
hop_s = 1e-6
share = 1
"""


@pytest.fixture(autouse=True)
def _only_the_packages_own(tmp_path, monkeypatch):
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))


@pytest.mark.parametrize("name", links())
def test_every_value_of_a_link_is_cited_and_plausible(name):
    found = link(name)
    assert set(found.sources) == {f.name for f in fields(found)} - {"name", "sources"}
    assert all(len(text) > 20 for text in found.sources.values())
    assert 0.5 < found.achievable <= 1
    assert [p.share for p in found.protocols] == sorted(p.share for p in found.protocols), "the quickest is the slowest"
    assert found.protocols[0].hop_s < found.protocols[-1].hop_s


def test_generations_double_and_nvlink_outruns_the_bus():
    assert link("nvlink2").bytes_per_s < link("nvlink3").bytes_per_s < link("nvlink4").bytes_per_s
    assert [link(n).bytes_per_s * 2 for n in ("pcie3", "pcie4", "ib_hdr", "nvlink4")] == [
        link(n).bytes_per_s for n in ("pcie4", "pcie5", "ib_ndr", "nvlink5")
    ]
    assert link("nvlink2").bytes_per_s > link("pcie5").bytes_per_s


@pytest.mark.parametrize("name", names("gpu"))
def test_a_gpu_sends_at_half_of_what_its_sheet_counts_for_both_directions(name):
    device = gpu(name)
    if not device.link:
        with pytest.raises(ValueError, match=f"{name} has no link to other GPUs"):
            link_of(device)
        return
    assert link_of(device).bytes_per_s * 2 == device.link_bytes_per_s
    assert link_of(device).bytes_per_s <= link(device.link).bytes_per_s


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (("25e9", "-1"), "bytes_per_s must be a positive finite number, got -1"),
        (("0.9", "1.5"), "achievable must be in shares of 1, .*, got 1.5"),
        (("hop_s", "hops_s"), "unknown key in .*'hops_s'; did you mean hop_s"),
        (("hop_s = 1e-6\n", ""), "hop_s is missing"),
        ((GOOD, "bytes_per_s = 1e9"), "at least one .*protocols.* table"),
    ],
)
def test_a_wrong_file_is_told_in_a_line(tmp_path, edit, says):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(*edit))
    with pytest.raises(ValueError, match=says):
        link(str(path))


def test_a_users_own_link_is_found_and_an_unknown_one_named(tmp_path):
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "mine.toml").write_text(GOOD)
    assert link("mine").name == "mine"
    with pytest.raises(UnknownNameError, match="did you mean nvlink"):
        link("nvlink")
    with pytest.raises(ValueError, match="no link file"):
        link("nowhere.toml")
