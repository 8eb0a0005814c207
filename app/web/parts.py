"""Parts that pages share: panels, graphs, grids, troubles; each control labelled."""

from collections.abc import Mapping, Sequence
from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import dcc, html

from app.figures.style import CONFIG
from app.text import label as label_of

ON_PAGE = CONFIG | {"modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"]}
RANGED = CONFIG | {"modeBarButtonsToRemove": ["lasso2d", "select2d", "resetScale2d"], "doubleClick": "autosize"}
"""Of a figure whose ranges are the server's: back from a zoom is to all there is, not to what was drawn last."""
WRAPPED = {"wrapText": True, "autoHeight": True, "cellClass": "wrapped"}
"""A column whose text goes over several lines, three at most: the rest is in its tooltip."""
WHOLE = WRAPPED | {"cellClass": "wrapped whole"}
"""A column whose text is shown whole."""
LAYER = {"field": "name", "headerName": "Layer", "tooltipField": "name", "cellClass": "tail"}
"""A column of names that begin alike: what does not fit goes from their beginning, the whole name is in the tooltip."""
HEADERS = {"wrapHeaderText": True, "autoHeaderHeight": True}
GRID = {"animateRows": False, "tooltipShowDelay": 300, "rowHeight": 30, "headerHeight": 34}


def panel(title: str, *children: Any, side: Any = None, **more: Any) -> Any:
    """A framed part of a page with a heading; `side` stands at the right of it."""
    heading = dmc.Group([dmc.Title(title, order=2, className="panel-title"), side], justify="space-between")
    return dmc.Paper([heading, *children], className="panel", withBorder=True, **more)


EMPTY = {
    "layout": {
        "xaxis": {"visible": False}, "yaxis": {"visible": False},
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
    }
}  # fmt: skip
"""A figure's place before its data is there: no axes of nothing."""


def graph(id: str, *, height: int = 430, label: str, config: Mapping[str, Any] = ON_PAGE, **more: Any) -> Any:
    """A figure's place: no upload, no logo, and a name for those who cannot see it."""
    drawn = dcc.Graph(id=id, figure=EMPTY, config=config, style={"height": f"{height}px"}, responsive=True, **more)
    return html.Div(drawn, role="figure", **{"aria-label": label})


def grid(id: str, columns: Sequence[Mapping[str, Any]], *, height: int | None = 420, **more: Any) -> Any:
    """A table of `columns`, AG Grid's definitions, without a `height` as high as its rows; ValueError where one has no
    headerName, as it rewrites names."""
    for column in columns:
        if "headerName" not in column:
            raise ValueError(f"a column needs a headerName, got {dict(column)}")
    options = GRID | ({} if height else {"domLayout": "autoHeight"}) | more.pop("dashGridOptions", {})
    style = {"height": f"{height}px" if height else None}
    look = {"dashGridOptions": options, "defaultColDef": HEADERS, "style": style}
    return dag.AgGrid(id=id, columnDefs=list(columns), **look, **more)


def numbers(names: Sequence[str], width: int) -> list[dict[str, Any]]:
    """Columns of metrics at least so wide, which sort as numbers and read as the rows' `told` has them."""
    return [
        {"field": name, "headerName": label_of(name), "type": "rightAligned", "minWidth": width, "flex": 1,
         "valueFormatter": {"function": f"params.data.told.{name} || '–'"}}
        for name in names
    ]  # fmt: skip


def trouble(message: str, title: str = "This does not work") -> Any:
    """What is wrong with the input, in one line."""
    return dmc.Alert(" ".join(message.split()), title=title, color="red", variant="light", className="trouble")


def note(*children: Any) -> Any:
    """A quiet sentence."""
    return dmc.Text(list(children), size="sm", c="dimmed")


def trust(source: str) -> str:
    """The colour of a number's source, by its largest part: measured, a formula, carried over from elsewhere."""
    largest = source.partition(",")[0]
    if "synthesis" in largest or "calibrated" in largest:
        return "measured"
    return "formula" if largest == "formula" else "carried"
