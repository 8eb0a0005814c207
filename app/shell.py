"""The frame around every page: navigation, theme, link to copy, notices."""

from types import ModuleType
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from app.pages import pages
from app.web import state as states
from app.web.parts import trouble

FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
THEME = {
    "fontFamily": FONT,
    "headings": {"fontFamily": FONT, "fontWeight": "600"},
    "primaryColor": "blue",
    "defaultRadius": "sm",
    "cursorType": "pointer",
}


def layout(found: dict[str, ModuleType]) -> Any:
    """The frame, with a place for the page."""
    frame = dmc.AppShell(
        [
            dmc.AppShellHeader(_header(found)),
            dmc.AppShellMain(html.Div(html.Div(id="page", className="page"), id="main", tabIndex=-1)),
        ],
        header={"height": {"base": 92, "sm": 52}},
        padding=0,
    )
    behind = [
        dcc.Location(id="url", refresh="callback-nav"), dcc.Store(id="view"), dcc.Store(id="narrow"),
        html.Div(id="notice", role="alert"),
    ]  # fmt: skip
    return dmc.MantineProvider(
        [html.A("Skip to the content", href="#main", className="skip"), *behind, frame],
        id="provider",
        theme=THEME,
        defaultColorScheme="auto",
    )


def _header(found: dict[str, ModuleType]) -> Any:
    links = [
        dcc.Link(page.NAME, href=f"/{name}", id=f"nav-{name}", className="nav-link") for name, page in found.items()
    ]
    tools = [
        dmc.Button("Copy link", id="copy-link", variant="default", size="xs"),
        dmc.ColorSchemeToggle(
            id="theme",
            lightIcon=html.Span("☀", **{"aria-hidden": "true"}),
            darkIcon=html.Span("☾", **{"aria-hidden": "true"}),
            variant="default",
            size="30px",
            **{"aria-label": "Light or dark"},
        ),
    ]
    brand = html.A(["bit", html.Span("front")], href="/", className="brand", **{"aria-label": "bitfront, first page"})
    navigation = html.Nav(links, className="nav", **{"aria-label": "Pages"})
    return dmc.Group([brand, navigation, dmc.Group(tools, gap="xs", className="tools")], className="header", gap="lg")


def register(app: Dash, found: dict[str, ModuleType]) -> None:
    """Route addresses to pages, and let every page add its callbacks."""

    @app.callback(Output("page", "children"), Input("url", "pathname"), State("url", "search"))
    def show(pathname: str | None, search: str | None) -> Any:
        name = (pathname or "/").strip("/") or next(iter(found))
        if name not in found:
            return trouble(f"there is no page {pathname!r}; the pages are {', '.join(p.NAME for p in found.values())}")
        try:
            given = states.parse(search)
            states.require_fields(given, found[name].LINK)
            return found[name].layout(given)
        except ValueError as error:
            again = html.A(f"Open {found[name].NAME} without it", href=f"/{name}", className="again")
            return html.Div([trouble(str(error), "This link cannot be shown"), again])

    for function, outputs, *inputs in (
        ("keepView", Output("view", "id"), Input("view", "data")),
        ("copyLink", Output("copy-link", "children"), Input("copy-link", "n_clicks")),
        ("measure", Output("narrow", "data"), Input("url", "id")),
        ("markPage", Output("url", "id"), Input("url", "pathname")),
        ("markTheme", Output("provider", "id"), Input("theme", "computedColorScheme")),
    ):
        app.clientside_callback(ClientsideFunction("bitfront", function), outputs, *inputs, prevent_initial_call=False)
    for page in found.values():
        page.register(app)


def build(app: Dash) -> None:
    """Give the app its frame and pages."""
    found = pages()
    app.layout = layout(found)
    register(app, found)
