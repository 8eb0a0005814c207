"""bitfront strategies lists what may be spelled, and says all of one."""

import json
from dataclasses import fields

import pytest

from costmodel import strategies


def listed(bitfront, *arguments):
    done = bitfront("strategies", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_all_are_listed_with_a_line_and_the_fields_that_their_spelling_takes(bitfront):
    found = listed(bitfront)
    assert [one["name"] for one in found] == list(strategies.names())
    told = bitfront("strategies").stdout
    for one in found:
        step = strategies.strategy(one["example"])
        assert [f["name"] for f in one["fields"]] == [f.name for f in fields(step) if f.init]
        assert one["does"].endswith(".")
        assert f"\n{one['name']} " in told


@pytest.mark.parametrize("name", strategies.names())
def test_defaults_are_spelled_as_they_are_read(name):
    one = strategies.described(name)
    example = strategies.strategy(one.example)
    given = {f.name: getattr(example, f.name) for f in fields(example) if f.init}
    for field in one.fields:
        if field.default is None:
            assert field.name in one.example
        elif field.default:
            try:
                read = strategies.strategy({"name": name} | given | {field.name: field.default})
            except ValueError:
                continue
            assert strategies.spelled(read).find(f"{field.name}=") == -1


def test_one_is_told_in_full_with_its_source_and_an_unknown_one_is_near_others(bitfront, refused_here):
    told = bitfront("strategies", "edge_moe").stdout
    assert "arXiv 2308.14352" in told
    assert "share of the loads that run while" in told
    assert "cached    a whole number" in told
    assert "did you mean edge_moe?" in refused_here("strategies", "edge_mo")
