"""The pages of the dashboard: one file each, and the folder is the registry.

A page is a module with

    NAME             what the navigation calls it
    ORDER            where it stands there, the least first; the least is also shown at /
    LINK             the fields that its links may have: others are refused
    layout(state)    the page's content (Dash components) for a state, the query of its URL as {name: text}
    register(app)    adds the page's callbacks, once

Its address is /FILE_NAME. To add one, write the file; nothing else names it. The rules that keep it working:

- Ids of components begin with the page's name: "optimise-solve".
- The whole state is in the URL. A callback puts it there with `Output("view", "data", allow_duplicate=True)` and
  `prevent_initial_call=True`: {name: value}, lists joined by commas; `layout` gets it back as text after a reload.
  Read it with `app.web.state`, whose functions refuse what they do not know: a ValueError names field, value and what
  is expected.
- Values come from the network: read models, devices and precisions with `app.web.inputs`, never with the loaders of
  `costmodel` alone, which take paths and import modules. Catch ValueError and show it in one line (`parts.trouble`);
  what else a callback raises becomes a 4xx or 5xx and a notice.
- Figures come from `app.figures` and are dressed for the theme: `dressed(figure, dark)` with
  `Input("theme", "computedColorScheme")`, drawn by `app.web.parts.graph`, which has the right configuration.
  Custom data of points are lists: plotly.js drops NumPy's.
- What takes longer than a second is a background callback (`background=True`, with `running`, `progress`, `cancel`); it
  runs in a process of its own, where `session.current()` works as in the server. One that takes a second or two is
  marked `@app.web.background.quick`: long ones, of which a browser may run few, do not keep it waiting.
- Files of a browser are in `app.web.session.current().file(...)`; another browser's session is another folder.
- Columns of a grid (`app.web.parts.grid`) always have a headerName. Every control has a label.
- Heavy imports (torch, ortools, pandas, scipy) stay inside functions: the server listens within seconds.
"""

import sys
from types import ModuleType

from costmodel import catalog


def pages() -> dict[str, ModuleType]:
    """Every page by the name of its file, in the order of the navigation."""
    found = catalog.modules(sys.modules[__name__])
    return dict(sorted(found.items(), key=lambda item: (item[1].ORDER, item[0])))
