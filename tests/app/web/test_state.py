"""A state goes into a link and comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web import state

NAMES = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
VALUES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_links_come_back(given_state):
    assert state.parse(state.encode(given_state)) == given_state


def test_controls_become_text():
    told = state.encode({"a": ["x", "y"], "n": 2, "f": 0.5, "on": True, "off": False, "none": None, "empty": ""})
    assert told == "?a=x,y&n=2&f=0.5&on=True"


def test_lists_are_read_once_each():
    found = state.parse("?formats=int4,int8,int4&batch=1,8,1")
    assert state.several(found, "formats", ["int4", "int8"], ["int8"]) == ["int4", "int8"]
    assert state.several(found, "other", ["int4"], ["int8"]) == ["int8"]
    assert state.whole_numbers(found, "batch", [1]) == [1, 8]
    assert state.whole_numbers(found, "other", [3]) == [3]


@pytest.mark.parametrize("value", ["-1", "0", "1,x", "2.5", "99999999999999999999", "१"])
def test_numbers_that_are_none_are_named(value):
    with pytest.raises(ValueError, match=r"batch must be whole numbers .* of 1 to 1,000,000, got"):
        state.whole_numbers({"batch": value}, "batch", [1])


def test_what_is_not_known_is_named_with_what_is():
    with pytest.raises(ValueError, match="unknown system 'zz'; known: a, b"):
        state.chosen({"system": "zz"}, "system", ["a", "b"], "a")
    with pytest.raises(ValueError, match="unknown ties 'b'"):
        state.several({"ties": "a,b"}, "ties", ["a"], [])
    with pytest.raises(ValueError, match="did you mean device"):
        state.require_fields({"devcie": "l4"}, ["device", "model"])
    with pytest.raises(ValueError, match="context does not apply to resnet18: leave it out, got '8'"):
        state.require_applied({"context": "8"}, ["context"], {}, "resnet18")


@pytest.mark.parametrize("search", ["x" * 70_000, 3, ["a"]])
def test_links_that_are_none(search):
    with pytest.raises(ValueError, match="query"):
        state.parse(search)
