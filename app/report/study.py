"""The page of a study: for each network its conclusion, both figures, and a table of every pair."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from app.figures.study import spread, study
from app.report.drawing import drawing, embed
from app.report.html import table

COSTS = {
    "lut_per_mac": "LUTs a MAC, dot product of {terms}",
    "lut": "LUTs of the network at {throughput_per_s:,.0f} {examples}/s",
}


def render(result: Mapping[str, Any]) -> str:
    """The page as one HTML file with plotly inlined; `result` is what study.json holds."""
    networks: Mapping[str, Mapping[str, Any]] = result["networks"]
    links = " ".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in networks)
    sections = "".join(_section(name, network, result) for name, network in networks.items())
    limits = "".join(f"<li>{escape(limit)}</li>" for limit in result["limits"])
    template = Template(Path(__file__).with_name("template.html").read_text(encoding="utf-8"))
    return template.substitute(
        title="Integers or minifloats on an FPGA",
        lead=f"Every weight format with every activation format on {escape(result['device'])}, products in LUTs, "
        "quality on held-out data, a mean over the networks trained from several seeds.",
        links=links,
        sections=f"{sections}<h2>Limits</h2><ul>{limits}</ul>{drawing()}",
        footer="",
    )


def _section(name: str, network: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    rows, base, told = (
        network["points"],
        network["fp32_accuracy"],
        {k: network[k] for k in ("throughput_per_s", "examples")},
    )
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in (*network["conclusion"], network["conversion"]))
    figures = "".join(
        embed(study(rows, cost=cost, title=words, x=words, base=base, quality=network["quality"]))
        for cost, words in ((cost, words.format(**result, **told)) for cost, words in COSTS.items())
    )
    columns = (
        "Weight/activation",
        "Family",
        str(network["quality"]).capitalize(),
        "Spread",
        "LUTs a MAC",
        "LUTs",
        "Low",
        "High",
        "Does not fit",
        "Weight bytes",
    )
    cells = [
        [r["pair"], r["family"], f"{r['accuracy']:.2%}", spread(r), f"{r['lut_per_mac']:.1f}"]
        + [f"{r[c]:,.0f}" for c in ("lut", "lut_low", "lut_high")]
        + [r["beyond"], f"{r['weight_bytes']:,.0f}"]
        for r in sorted(rows, key=lambda r: -float(r["accuracy"]))
    ]
    every = table(columns, [(False, c) for c in cells])
    return (
        f'<h2 id="{escape(name)}">{escape(name)}: fp32 {base:.2%}</h2><ul>{said}</ul><div class="pair">{figures}</div>'
        f"<details><summary>Every pair ({len(rows)})</summary>{every}</details>"
    )
