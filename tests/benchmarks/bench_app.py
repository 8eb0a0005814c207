"""The dashboard at 200,000 designs: server times, bytes, users at once, memory, start. Run by make bench-app."""

import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import requests

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "app" / "browser")]

from served import Served, browser_path, served  # noqa: E402

from dse.space import Space  # noqa: E402
from dse.sweep import sweep  # noqa: E402

CLICKS, USERS, USE_S, PAUSE_S = 500, 20, 60.0, 1.0
SPACE = {
    "axes": {
        "model": "zoo:resnet50",
        "batch": {"from": 1, "to": 256, "points": 50, "spacing": "log"},
        "precision": {"weight": ["int8", "bf16", "fp16", "fp32"], "activation": ["int8", "bf16", "fp16", "fp32"]},
        "device": ["a100_sxm", "h100_sxm", "l40s", "l4", "a40", "h200_sxm"],
        "device.memory_bytes_per_s": {"from": 3e11, "to": 8e12, "points": 60, "spacing": "log"},
    },
    "objectives": ["latency_s", "energy_j", "loss"],
    "metrics": ["weight_bytes", "footprint_bytes", "examples_per_s"],
    "latency": "roofline",
    "rows": True,
}


class Client:
    """A browser's callbacks without the browser: each request as the page sends it, in a session of its own."""

    def __init__(self, site: Served) -> None:
        self.address, self.http = site.address, requests.Session()
        self.http.get(self.address)
        self.known = {d["output"]: d for d in self.http.get(self.address + "_dash-dependencies").json()}

    def call(self, output: str, values: Mapping[str, Any], changed: str) -> tuple[float, Any]:
        """Send the callback whose output begins so; return seconds and the answer."""
        name = next(o for o in self.known if o.startswith(output))
        spec = self.known[name]
        body = {"output": name, "outputs": _outputs(name), "changedPropIds": [changed]}
        for part in ("inputs", "state"):
            body[part] = [d | {"value": values.get(f"{d['id']}.{d['property']}")} for d in spec[part]]
        begun = time.perf_counter()
        answer = self.http.post(self.address + "_dash-update-component", json=body, timeout=60)
        taken = time.perf_counter() - begun
        answer.raise_for_status()
        return taken, answer.json() if answer.content else None

    def click(self, row: int) -> float:
        """Click a design and let it be marked and open, as the page does: three callbacks."""
        clicked = {**SHOWN, "explore-front.clickData": {"points": [{"customdata": row}]}}
        first, answer = self.call("..explore-design.data", clicked, "explore-front.clickData")
        design = answer["response"]["explore-design"]["data"]
        chosen = {**SHOWN, "explore-design.data": design}
        marked, _ = self.call("..explore-front.figure@", chosen, "explore-design.data")
        opened, _ = self.call("..explore-totals", chosen, "explore-design.data")
        return first + marked + opened

    def draw(self, x: str, y: str, zoom: Any = None) -> float:
        """Draw the front at two metrics."""
        seen = zoom and {"ends": zoom, "of": {"ready": "shown", "names": [x, y], "log": [True, True, False]}}
        values = {**SHOWN, "explore-x.value": x, "explore-y.value": y, "explore-zoom.data": seen}
        return self.call("..explore-front.figure...", values, "explore-x.value")[0]


SHOWN = {
    "explore-ready.data": "shown", "explore-x.value": "latency_s", "explore-y.value": "loss", "explore-z.value": "none",
    "explore-log.value": ["x", "y"], "explore-per.value": "none", "theme.computedColorScheme": "light",
    "explore-edits.data": {}, "explore-design.data": "",
    "explore-drawn.data": {"ready": "shown", "names": ["latency_s", "loss"], "design": "", "edits": {}},
}  # fmt: skip


def _outputs(name: str) -> Any:
    parts = [dict(zip(("id", "property"), part.rsplit(".", 1), strict=True)) for part in name.strip(".").split("...")]
    return parts if name.startswith("..") else parts[0]


def quantiles(seconds: list[float]) -> str:
    """Median and 95th percentile in milliseconds."""
    ordered = sorted(seconds)
    return f"p50 {1e3 * statistics.median(ordered):.0f} ms, p95 {1e3 * ordered[int(0.95 * len(ordered))]:.0f} ms"


def callbacks(site: Served, size: int) -> None:
    """Server times of the callbacks that are heaviest, one user."""
    client, pick = Client(site), random.Random(1)
    pairs = [("latency_s", "loss"), ("energy_j", "loss"), ("latency_s", "weight_bytes"), ("energy_j", "weight_bytes")]
    process = psutil.Process(site.process.pid)

    def told(what: str, calls: list[Any], goal: str) -> None:
        before = sum(process.cpu_times()[:2])
        times = [call() for call in calls]
        busy_s = sum(process.cpu_times()[:2]) - before
        print(f"{what}: {quantiles(times)}, {1e3 * busy_s / len(calls):.0f} ms of the server's processor{goal}")

    goal = " (goal p50 60 ms, p95 150 ms)"
    told("first drawing of two metrics", [partial(client.draw, *pair) for pair in pairs], "")
    zooms = [[-5 + 0.01 * i, -1 - 0.01 * i, -3.0, 1.0] for i in range(100)]
    draws = [partial(client.draw, *pairs[i % 4], zoom=zoom) for i, zoom in enumerate(zooms)]
    told("drawing again, zoomed elsewhere each time", draws, goal)
    clicks = [partial(client.click, pick.randrange(size)) for _ in range(100)]
    told("a click until its design is open, three callbacks", clicks, goal)


def users(site: Served, size: int) -> None:
    """USERS sessions click for USE_S seconds, a pause after each answer."""
    times: list[float] = []
    errors: list[str] = []
    ends = time.monotonic() + USE_S

    def use(seed: int) -> None:
        client, pick = Client(site), random.Random(seed)
        while time.monotonic() < ends:
            try:
                times.append(client.click(pick.randrange(size)))
            except requests.RequestException as error:
                errors.append(str(error))
            time.sleep(PAUSE_S)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(USERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = f"{USERS} users for {USE_S:.0f} s, {PAUSE_S:g} s between clicks: {len(times)} clicks, {len(errors)} errors"
    print(f"{told}, {quantiles(times)} (goal: no error, p95 1000)")


def memory(site: Served, size: int) -> None:
    """The server's memory after CLICKS clicks against before."""
    client, pick, process = Client(site), random.Random(2), psutil.Process(site.process.pid)
    for _ in range(CLICKS // 4):
        client.click(pick.randrange(size))
    before = process.memory_info().rss
    for _ in range(CLICKS):
        client.click(pick.randrange(size))
    after = process.memory_info().rss
    print(f"memory {before / 2**20:.0f} MiB, after {CLICKS} clicks {after / before - 1:+.1%} (goal +-5 %)")


def page(site: Served) -> None:
    """Until the designs are drawn in a fresh profile, and the bytes on the wire.

    Then a front whose few places have thousands of designs each, until it is drawn and until its table is shown.
    """
    from playwright.sync_api import sync_playwright

    drawn = "document.querySelector('#explore-front .js-plotly-plot')?._fullData?.length > 3"
    arguments = ["--no-sandbox", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=arguments)
        for _ in range(3):
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            tab = context.new_page()
            network = context.new_cdp_session(tab)
            network.send("Network.enable")
            sizes: list[float] = []
            network.on("Network.loadingFinished", lambda event, to=sizes: to.append(event["encodedDataLength"]))
            begun = time.perf_counter()
            tab.goto(site.address, wait_until="commit")
            while not tab.evaluate(drawn):  # not wait_for_function: it needs what the page's policy refuses
                tab.wait_for_timeout(20)
            taken = time.perf_counter() - begun
            tab.wait_for_load_state("networkidle")
            print(f"page ready in {taken:.2f} s (goal 2.5), {sum(sizes) / 1e6:.2f} MB on the wire (goal 4)")
            context.close()
        tab = browser.new_page(viewport={"width": 1280, "height": 800})
        begun = time.perf_counter()
        tab.goto(f"{site.address}explore?x=weight_bytes&y=loss", wait_until="commit")
        while not tab.evaluate(drawn):
            tab.wait_for_timeout(20)
        listed = time.perf_counter()
        tab.click("#explore-list")
        tab.wait_for_selector("#explore-table .ag-row")
        shown = time.perf_counter()
        print(
            f"a front of ties in {listed - begun:.2f} s (goal 2.5), its table {shown - listed:.2f} s later (goal 1.0)"
        )
        browser.close()


def main() -> None:
    """Sweep, start, measure, print."""
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before this")
    with tempfile.TemporaryDirectory() as folder:
        home, run = Path(folder) / "home", Path(folder) / "run"
        space = Space.read(SPACE)
        swept = sweep(space, run)
        size = swept.counts.designs - swept.counts.excluded - swept.counts.unknown
        starts = []
        for _ in range(5):
            with served("--run", str(run), home=home) as site:
                starts.append(site.started_s)
        print(f"{size:,} designs; listening {min(starts):.2f}-{max(starts):.2f} s after start (goal 2.5)")
        with served("--run", str(run), home=home) as site:
            page(site)
            callbacks(site, size)
            memory(site, size)
            users(site, size)
    print(f"load average {os.getloadavg()[0]:.1f} after it; the driver shares the machine with the server")


if __name__ == "__main__":
    main()
