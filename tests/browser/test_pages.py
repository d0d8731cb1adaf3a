"""Pages in headless Chromium: nothing is asked of any network, and Chinese shows without fonts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image
from study_runs import Ran

BROWSER = "not an origin"  # how Chromium's log names its own errands
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--hide-scrollbars",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser; a missing one fails where HAIDIAN_EVAL_BROWSER is set."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None and os.environ.get("HAIDIAN_EVAL_BROWSER"):
        pytest.fail("HAIDIAN_EVAL_BROWSER is set and no Chromium is found")
    if found is None:
        pytest.skip("no Chromium on this machine")
    return found


def browse(chromium: str, page: Path, tmp_path: Path, *words: str, **settings: str) -> None:
    """Open a page and let the browser do what the words say."""
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    subprocess.run(
        [chromium, *FLAGS, profile, *words, page.as_uri()],
        check=True, capture_output=True, timeout=120, env={**os.environ, **settings},
    )  # fmt: skip


def requests(chromium: str, page: Path, tmp_path: Path) -> set[str]:
    """Every address that the page asked for; the browser's own errands have no page behind them."""
    log = tmp_path / "net.json"
    browse(chromium, page, tmp_path, f"--log-net-log={log}", f"--screenshot={tmp_path / 'x.png'}")
    events = [event.get("params", {}) for event in json.loads(log.read_text("utf-8"))["events"]]
    asked = [params for params in events if params.get("initiator", BROWSER) != BROWSER]
    return {params["url"] for params in asked if not params["url"].startswith(("data:", "file:"))}


def test_pages_ask_nothing_of_any_network(chromium: str, ran: Ran, tmp_path: Path) -> None:
    control = tmp_path / "control.html"
    control.write_text('<img src="http://127.0.0.1:9/x.png">')
    assert requests(chromium, control, tmp_path) == {"http://127.0.0.1:9/x.png"}
    pages = [*sorted(ran.site.glob("*/[0-9][0-9]_*.html")), ran.site / "index.html"]
    assert len(pages) == 21
    for page in pages:
        assert requests(chromium, page, tmp_path) == set(), page


def without_fonts(folder: Path) -> dict[str, str]:
    """Settings for a machine that has only Latin fonts."""
    latin = Path(mpl.get_data_path()) / "fonts" / "ttf"
    config = folder / "fonts.conf"
    head = "<?xml version='1.0'?><!DOCTYPE fontconfig SYSTEM 'fonts.dtd'>"
    folders = f"<dir>{latin}</dir><cachedir>{folder / 'cache'}</cachedir>"
    config.write_text(f"{head}<fontconfig>{folders}</fontconfig>")
    return {"FONTCONFIG_FILE": str(config)}


def ink(picture: Path) -> float:
    """The share of dark pixels in a picture."""
    return float((np.asarray(Image.open(picture).convert("L")) < 128).mean())


def test_chinese_shows_on_a_machine_without_chinese_fonts(
    chromium: str, ran: Ran, tmp_path: Path
) -> None:
    settings = without_fonts(tmp_path)
    page = ran.site / "zh" / "90_report.html"
    bare = tmp_path / "bare.html"
    content = page.read_text("utf-8")
    bare.write_text(content.replace("@font-face", "@nothing"), "utf-8")
    window = "--window-size=1200,900"
    shots = {}
    for name, target in (("with", page), ("bare", bare)):
        picture = tmp_path / f"{name}.png"
        browse(chromium, target, tmp_path, window, f"--screenshot={picture}", **settings)
        shots[name] = picture
    with_font, boxes = (np.asarray(Image.open(shots[n]).convert("L"), float) for n in shots)
    # without the page's own font every sign is the same empty box
    assert np.abs(with_font - boxes).mean() > 2
    assert ink(shots["with"]) > 0.01


def test_page_does_not_overflow_on_a_phone(chromium: str, ran: Ran, tmp_path: Path) -> None:
    script = (
        "<script>onload=()=>{const f=document.querySelector('iframe');"
        "document.title=f.contentDocument.documentElement.scrollWidth}</script>"
    )
    for lang in ("zh", "en"):
        page = ran.site / lang / "20_scoring.html"
        holder = tmp_path / "holder.html"
        holder.write_text(
            f'<meta charset="utf-8">{script}<iframe src="{page.as_uri()}" width="400" height="800">'
            "</iframe>"
        )
        words = [f"--user-data-dir={tmp_path / 'profile'}", "--allow-file-access-from-files"]
        dumped = subprocess.run(
            [chromium, *FLAGS, *words, "--dump-dom", holder.as_uri()],
            check=True, capture_output=True, text=True, timeout=120,
        ).stdout  # fmt: skip
        width = int(dumped.partition("<title>")[2].partition("<")[0])
        assert 300 < width <= 400
