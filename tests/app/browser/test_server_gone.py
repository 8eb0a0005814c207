"""The server ends amid what a page asked: the page says so, and asks again once there is one."""

import pytest
from served import hold, served
from test_optimise_page import HARD, SMALL, open_page, solved

IDLE = "document.querySelector('#{0}-cancel').disabled && !document.querySelector('#{0}-go')?.disabled"
TOLD = "document.querySelector('#notice').className === 'shown' && document.querySelector('#notice').innerText"
REFUSED = "Failed to load resource", "Callback error updating"
"""How a browser and Dash log a question that got no answer, or none that is good."""
AMID = {
    "explore": ("explore?model=zoo:resnet18&devices=l4&precisions=int8/int8&batch=1", "explore-ready.data"),
    "compare": ("compare?a=zoo:resnet18@l4@int8&axis=batch&metric=latency_s&low=1&high=8", "compare-curves.data"),
}


def told_of_the_end(page, name, words):
    """The page is idle again and says why."""
    page.wait_for_function(IDLE.format(name))
    page.wait_for_function(f"({TOLD}).includes('{words}')")


@pytest.mark.long
@pytest.mark.parametrize("name", AMID)
def test_what_was_asked_of_a_server_that_has_ended_is_over(tmp_path, profile, name):
    page = profile()
    page.expected = REFUSED
    query, output = AMID[name]
    with served(home=tmp_path) as site:
        release = hold(page, output)
        page.goto(site.address + query)
        page.wait_for_function(f"document.querySelector('#{name}-cancel')?.disabled === false")
    release()
    told_of_the_end(page, name, "The server does not answer")


@pytest.mark.long
def test_a_solve_goes_with_its_server_and_the_page_solves_again_by_another(tmp_path, profile):
    page = profile()
    page.expected = REFUSED
    with served(home=tmp_path) as site:
        address = site.address
        open_page(page, address + HARD)
        page.click("#optimise-go")
        page.wait_for_function("document.querySelector('#optimise-status').innerText !== ''")
    told_of_the_end(page, "optimise", "The server does not answer")
    assert page.inner_text("#optimise-status") == ""
    again = "--port", address.rstrip("/").rpartition(":")[2]
    with served(*again, home=tmp_path):
        page.click("#optimise-go")
        page.wait_for_function("document.querySelector('#optimise-status').innerText !== ''")
        release = hold(page, "optimise-design.data")
    with served(*again, home=tmp_path):
        release()
        told_of_the_end(page, "optimise", "by a server that has ended since: ask again")
        assert page.inner_text("#optimise-status") == ""
        open_page(page, address + SMALL)
        page.click("#optimise-go")
        solved(page)
