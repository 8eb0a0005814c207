"""Links that name what there is not: one line for each field of each page, with the value and what is expected."""

import pytest
from werkzeug.test import Client

from app.explore import answers, question, session_runs
from app.pages import pages

LLAMA = "zoo:llama-3.1-8b@l40s@w4a16;batch=8"
WRONG = [
    ("explore", "model=zoo:nosuch", "unknown model 'zoo:nosuch'"),
    ("explore", "model=upload:00.onnx", "this browser has no upload:00.onnx"),
    ("explore", "run=00", "this link is of the run '00', and this server shows none: bitfront app --run"),
    ("explore", "phase=sleep", "unknown phase 'sleep'; known: decode, prefill, training"),
    ("explore", "devices=nosuch", "devices: unknown device 'nosuch'"),
    ("explore", "model=zoo:resnet18&precisions=w8a8", "devices: choose at least one device"),
    ("explore", "precisions=w3z", "precisions: "),
    ("explore", "strategies=zz", "strategies: unknown strategy 'zz'"),
    ("explore", "batch=-1", "batch must be whole numbers separated by commas, each of 1 to 1,000,000, got '-1'"),
    ("explore", "context=4k", "context must be whole numbers separated by commas, each of 1 to 1,000,000, got '4k'"),
    ("explore", "model=zoo:resnet18&devices=l4&precisions=w8a8&resolution=x", "resolution must be whole numbers"),
    ("explore", "model=zoo:resnet18&devices=l4&precisions=w8a8&context=9", "context does not apply to zoo:resnet18"),
    ("explore", "x=zz", "unknown x 'zz'"),
    ("explore", "y=latency_s", "must show two or three different metrics, got latency_s, latency_s"),
    ("explore", "z=zz", "unknown z 'zz'"),
    ("explore", "log=q", "unknown log 'q'; known: x, y, z"),
    ("explore", "per=zz", "unknown per 'zz'"),
    ("explore", "zoom=1,2,3", "zoom must be the two ends of x and the two of y"),
    ("explore", "zoom=1,2,3,nan", "zoom must be the two ends of x and the two of y"),
    ("explore", "zoom=1,2,3,301", "zoom must be the two ends of x and the two of y"),
    ("explore", "z=energy_j&zoom=1,2,3,4", "zoom must be x, y, z of where three axes are seen from, of what is looked"),
    ("explore", "z=energy_j&zoom=1,1,1,1,1,1,0,0,1", "zoom must be x, y, z of where three axes are seen from, of what"),
    ("explore", "zoom=1.5,1.5,0.9,0,0,0,0,0,1", "zoom must be the two ends of x and the two of y"),
    ("explore", "list=zz", "unknown list 'zz'; known: front"),
    ("explore", "design=zz", "design must be an id of 16 hexadecimal digits, got 'zz'"),
    ("explore", "edit=zz", "edit: an edit is layer:precision, got 'zz'"),
    ("explore", "devcie=l4", "unknown field of this page's links 'devcie'; did you mean devices"),
    ("optimise", "device=nosuch", "unknown device 'nosuch'"),
    ("optimise", "model=zoo:resnet18&formats=int8", "unknown device ''"),
    ("optimise", "model=upload:00.json", "this browser has no upload:00.json"),
    ("optimise", "phase=sleep", "unknown phase 'sleep'"),
    ("optimise", "formats=int9z", "formats: unknown format 'int9z'"),
    ("optimise", "batch=-1", "batch must be a whole number of 1 to 1,000,000, got '-1'"),
    ("optimise", "batch=1,2", "batch must be a whole number of 1 to 1,000,000, got '1,2'"),
    ("optimise", "resolution=9", "resolution does not apply to zoo:llama-3.1-8b"),
    ("optimise", "budgets=lut<=9", "budgets: unknown budget on h100_sxm 'lut'"),
    ("optimise", "budgets=zz", "budgets: a budget must be like"),
    ("optimise", "ties=zz", "unknown ties 'zz'; known: fused, residual"),
    ("optimise", "pins=zz", "pins: a pin must be LAYER=FORMAT, got 'zz'"),
    ("optimise", "pins=zz*=bf16", "pins: no layer matches 'zz*'"),
    ("optimise", "pins=lm_head=int2", "pins: int2/int2 is not among the formats of a layer: int4_g128/bf16, int8/int8"),
    ("optimise", "max_formats=99", "max_formats must be a whole number of 1 to 64, got '99'"),
    ("optimise", "time=zz", "time must be a number of seconds, got 'zz'"),
    ("optimise", "time=0", "time must be above 0 and at most 120 s, got '0'"),
    ("optimise", "design=zz", "design must be an id of 16 hexadecimal digits"),
    ("compare", "a=zz", "a: a design is model@device@precision"),
    ("compare", f"a={LLAMA}&b={LLAMA};batch=-1", "b: batch must be a whole number of 1 to 65,536, got '-1'"),
    ("compare", "axis=zz", "unknown axis 'zz'; known: batch, context"),
    ("compare", "metric=zz", "unknown metric 'zz'"),
    ("compare", "low=x", "low must be a whole number of 1 to 65,536, got 'x'"),
    ("compare", "high=0", "high must be a whole number of 1 to 65,536, got '0'"),
    ("compare", "low=9&high=9", "batch must rise from low to high, got low 9 and high 9"),
    ("compare", "reference=f", "unknown reference 'f'; known: a, b, c"),
    ("compare", "differences=zz", "unknown differences 'zz'; known: only"),
    ("compare", "part=zz", "unknown part 'zz'"),
    ("compare", "scale=zz", "unknown scale 'zz'; known: linear, logarithmic, relative"),
    ("validate", "model=zz", "unknown model 'zz'"),
    ("validate", "rows=zz", "unknown rows 'zz'"),
    ("validate", "group=zz", "unknown group 'zz'"),
    ("claims", "system=zz", "unknown system 'zz'"),
    ("claims", "filters={", "filters must be the grid's JSON of system or quantity"),
    ("claims", 'filters={"zz":{"filterType":"text"}}', "each with filterType text, got '{\"zz\""),
    ("claims", "sort=published:up", "sort must be columns of system, quantity"),
    ("claims", "verdict=zz", "unknown verdict 'zz'; known: all, contradicted, hardware, reproduced, training"),
]  # fmt: skip


@pytest.fixture(scope="module")
def page(app) -> Client:
    client = app.server.test_client()
    client.get("/")
    return client


def shown(page, path, query):
    asked = {
        "output": "page.children",
        "outputs": {"id": "page", "property": "children"},
        "inputs": [{"id": "url", "property": "pathname", "value": f"/{path}"}],
        "state": [{"id": "url", "property": "search", "value": f"?{query}"}],
        "changedPropIds": ["url.pathname"],
    }
    with page.post("/_dash-update-component", json=asked) as answer:
        assert answer.status_code == 200
        return answer.get_json()["response"]["page"]["children"]


@pytest.mark.parametrize(("path", "query", "told"), WRONG)
def test_a_wrong_field_is_named(page, path, query, told):
    children = shown(page, path, query)["props"]["children"]
    alert, again = (part["props"] for part in children)
    assert told in alert["children"]
    assert "\n" not in alert["children"]
    assert again["href"] == f"/{path}"


def store(children, id):
    return next(each["props"] for each in children["props"]["children"] if each["props"].get("id") == id)


def test_a_zoom_and_the_open_table_come_back_from_a_link_while_the_axes_show_the_same(page):
    asked = "model=zoo:resnet18&devices=t4&precisions=w8a8&batch=1"
    children = shown(page, "explore", f"{asked}&x=latency_s&y=loss&log=x&zoom=-3,-2.25,0.125,1e-3&list=front")
    zoom = store(children, "explore-zoom")["data"]
    assert "explore-table" in str(children)
    assert "explore-table" not in str(shown(page, "explore", asked))
    assert answers._within(zoom, zoom["of"]) == (pytest.approx((1e-3, 10**-2.25)), (1e-3, 0.125))
    ready = session_runs.name_of(question.read(store(children, "explore-given")["data"], {}))
    told = [answers.link({}, "", {}, zoom, [""], ready, *axes, "none") for axes in (
        ("latency_s", "loss", "none", ["x"]), ("latency_s", "loss", "none", ["x", "y"]),
        ("loss", "latency_s", "none", ["x"]), ("latency_s", "loss", "energy_j", ["x"]),
    )]  # fmt: skip
    assert [each["zoom"] for each in told] == ["-3,-2.25,0.125,0.001", "", "", ""]
    assert {each["list"] for each in told} == {"front"}
    assert answers.link({}, "", {}, zoom, None, "another", "latency_s", "loss", "none", ["x"], "none")["zoom"] == ""


def test_a_camera_comes_back_from_a_link_while_the_same_three_axes_are_shown(page):
    asked = "model=zoo:resnet18&devices=t4&precisions=w8a8&batch=1"
    camera = "0.5,1.5,-0.25,0,0,-0.1,0,0,1"
    children = shown(page, "explore", f"{asked}&x=latency_s&y=loss&z=energy_j&log=x&zoom={camera}")
    zoom = store(children, "explore-zoom")["data"]
    assert answers._within(zoom, zoom["of"]) is None
    seen = answers._camera(zoom, zoom["of"])
    assert [seen[part][axis] for part in ("eye", "center", "up") for axis in "xyz"] == zoom["ends"]
    assert answers._camera(zoom, {**zoom["of"], "log": [True, True, False]}) == {}
    ready = session_runs.name_of(question.read(store(children, "explore-given")["data"], {}))
    told = [answers.link({}, "", {}, zoom, [""], ready, "latency_s", "loss", z, ["x"], "none")["zoom"]
            for z in ("energy_j", "weight_bytes", "none")]  # fmt: skip
    assert told == [camera, "", ""]


def test_every_field_of_every_page_is_tried():
    tried = {(path, part.partition("=")[0]) for path, query, _ in WRONG for part in query.split("&")}
    fields = {(name, field) for name, module in pages().items() for field in module.LINK}
    assert fields - tried <= {("compare", slot) for slot in "cdef"} | {("optimise", "context"), ("optimise", "model")}
