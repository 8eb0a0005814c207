"""Reports: what a run found, in files that need nothing else, all written from one structure (`document`)."""

from app.report.write import FORMATS, write, write_all

__all__ = ["FORMATS", "write", "write_all"]
