"""A report as PDF: its HTML printed by a Chromium found on this machine."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
TIMEOUT_S = 120
DRAWING_MS = 20_000
"""Time that the page may think has passed until it is printed: figures are drawn by then."""


def chromium() -> str | None:
    """The browser: $BITFRONT_CHROMIUM, else the first of the usual names on the path; None where there is none."""
    named = os.environ.get("BITFRONT_CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


def render(page: str) -> bytes:
    """Print an HTML page; ValueError in one line where there is no browser or it fails."""
    browser = chromium()
    if browser is None:
        raise ValueError(f"a PDF needs Chromium: none of {', '.join(NAMES)} is on the path, nor $BITFRONT_CHROMIUM set")
    with tempfile.TemporaryDirectory(prefix="bitfront") as folder:
        source, target = Path(folder) / "report.html", Path(folder) / "report.pdf"
        source.write_text(page, encoding="utf-8")
        options = (
            "--headless", "--disable-gpu", "--no-pdf-header-footer", "--window-size=1280,1800",
            f"--user-data-dir={folder}/profile", f"--virtual-time-budget={DRAWING_MS}", f"--print-to-pdf={target}",
        )  # fmt: skip
        root = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
        command = [browser, *options, *root, source.as_uri()]
        try:
            done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ValueError(f"{browser} printed no PDF: {error}") from None
        if done.returncode or not target.is_file():
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise ValueError(f"{browser} printed no PDF: {lines[-1]}")
        return target.read_bytes()
