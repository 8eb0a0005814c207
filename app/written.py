"""Where a command writes: a file into a folder that is there, or a folder of its own, made with those above it.

Both are asked for before the work. A file's folder is not made, as a mistyped one would be; a folder that is named to
hold several files is what is written.
"""

from pathlib import Path
from typing import Any

import click


class NewFile(click.Path):
    """A file to write."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; ValueError where its folder is none."""
        from costmodel.files import require_folder

        path = str(super().convert(value, param, ctx))
        require_folder(Path(path))
        return path


class NewFolder(click.Path):
    """A folder to write into, made if needed."""

    def __init__(self) -> None:
        super().__init__(file_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; ValueError where it would lie in a file."""
        path = str(super().convert(value, param, ctx))
        above = next((each for each in Path(path).absolute().parents if each.exists()), None)
        if above is not None and not above.is_dir():
            raise ValueError(f"no folder {path!r} can be made: {str(above)!r} is a file")
        return path
