"""Figures in a page of one file: their data as JSON, and plotly.js compressed, unpacked by the browser itself."""

import base64
import gzip
import json
from functools import cache
from html import escape
from typing import Any

from plotly.offline import get_plotlyjs

from app.figures.style import CONFIG, DARK

HEIGHT = 430
"""Pixels of a figure that names no height."""

LOADER = """
(async function () {
  var places = document.querySelectorAll("figure > div");
  try {
    var packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), c => c.charCodeAt(0));
    var plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    var script = document.createElement("script");
    script.textContent = await new Response(plain).text();
    document.head.append(script);
  } catch (error) {
    places.forEach(place => { place.textContent = "Figures need a browser of 2023 or newer."; });
    throw error;
  }
  var dark = matchMedia("(prefers-color-scheme: dark)");
  function draw(inDark) {
    places.forEach(function (place) {
      var text = place.nextSibling.textContent;
      var told = JSON.parse(inDark ? text.replaceAll('"#000000"', JSON.stringify(DARK.layout.font.color)) : text);
      if (inDark) told.layout.template = DARK;
      Plotly.react(place, told.data, told.layout, told.config);
    });
  }
  draw(dark.matches);
  dark.addEventListener("change", () => draw(dark.matches));
  function widen(paper) {
    places.forEach(place => Plotly.relayout(place, paper
      ? {width: place.parentNode.className ? 1440 : 710, height: Math.min(place.layout.height, 400)}
      : {width: null, height: Number(place.dataset.height), autosize: true}));
  }
  addEventListener("beforeprint", () => { if (dark.matches) draw(false); widen(true); });
  addEventListener("afterprint", () => { if (dark.matches) draw(true); widen(false); });
})();
"""
"""Draws every figure in the browser's theme; on paper in the light one, as wide as the style sheet's zoom expects."""


def embed(figure: Any) -> str:
    """A figure as HTML, which `drawing` draws; one that says so in its layout is as wide as the page."""
    told = figure.to_json().replace("<", "\\u003c")
    height = figure.layout.height or HEIGHT
    wide = ' class="wide"' if figure.layout.meta else ""
    name = escape(figure.layout.title.text or "")
    return (
        f'<figure{wide}><div role="img" aria-label="{name}" data-height="{height}" style="height:{height}px"></div>'
        f'<script type="application/json">{told[:-1]},"config":{json.dumps(CONFIG)}}}</script></figure>'
    )


@cache
def drawing() -> str:
    """The scripts that draw the figures before them: plotly.js, 4.8 MB, in 2.0 MB, and what unpacks it."""
    packed = base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()
    draw = f"var DARK = {json.dumps(DARK)};{LOADER}"
    return f'<script type="text/plain" id="plotly">{packed}</script><script>{draw}</script>'
