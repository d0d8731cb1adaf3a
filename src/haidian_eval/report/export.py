"""From an executed notebook to a self-contained HTML page."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape, unescape
from pathlib import Path
from typing import Any

from haidian_eval import fonts
from haidian_eval.errors import EvaluationError
from haidian_eval.report.exhibit import DOWNLOAD, download_link
from haidian_eval.text import Text

TEMPLATES = Path(__file__).with_name("templates")
FONT_PLACE = "/*font*/"
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:;"
    " base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True, slots=True)
class Link:
    """A page of the report: its place beside the others and its title."""

    href: str
    title: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the content of a page.

    scenario: choices that replace those of the edition, in words; blank for the edition itself.
    provenance: label -> value, the same for the same inputs.
    """

    title: str
    edition_title: str
    foot: str
    status: str
    watermark: str
    scenario: str
    pages: tuple[Link, ...]
    other_language: str
    provenance: Mapping[str, str]


@cache
def exporter() -> Any:
    """Return nbconvert's HTML exporter with the template of the house."""
    from nbconvert import HTMLExporter

    return HTMLExporter(
        template_name="study",
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_anchor_links=True,
        exclude_output_prompt=True,
        exclude_input_prompt=True,
        filters={"css_string": css_string},
    )


def css_string(text: str) -> str:
    """Return a text as the inside of a CSS string: every sign that could end it is escaped."""
    return "".join(c if c.isalnum() or c == " " else f"\\{ord(c):x} " for c in text)


def mark_of(output: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mark that the page put on an output, or an empty one."""
    mark: dict[str, Any] = output.get("metadata", {}).get("haidian_eval", {})
    return mark


def picture_html(output: Mapping[str, Any]) -> str:
    """Return the picture with its description in words."""
    alt = output["metadata"].get("image/png", {}).get("alt", "")
    if not alt:
        raise EvaluationError(f"the figure {mark_of(output).get('id')} has no description in words")
    data = "".join(output["data"]["image/png"].split())
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{data}">'


def arrange(cells: list[Any], file_stem: str, text: Text) -> list[dict[str, str]]:
    """Join pictures with their captions, put downloads in; return the sections for the contents."""
    sections, picture = [], ""
    for cell in cells:
        kept = []
        for output in cell.get("outputs", []):
            mark = mark_of(output)
            if mark.get("kind") == "picture":
                picture = picture_html(output)
                continue
            if mark.get("kind") == "section":
                sections.append({"id": mark["key"], "title": mark["title"]})
            if "text/csv" in output.get("data", {}):
                file_name = f"{file_stem}_{mark['id']}.csv"
                link = download_link(output["data"].pop("text/csv"), file_name, text)
                html = output["data"]["text/html"].replace(DOWNLOAD, link)
                if mark["kind"] == "figure":
                    html = f'<figure class="exhibit" id="{mark["id"]}">{picture}{html}</figure>'
                output["data"]["text/html"] = html
            kept.append(output)
        if "outputs" in cell:
            cell["outputs"] = kept
    return sections


def join_silent_code(cells: list[Any]) -> list[Any]:
    """Return the cells with code that shows nothing joined to the next code that does."""
    joined: list[Any] = []
    for cell in cells:
        before = joined[-1] if joined else None
        if before and cell.cell_type == before.cell_type == "code" and not before.outputs:
            cell.source = f"{before.source}\n\n{cell.source}"
            joined.pop()
        joined.append(cell)
    return joined


def downloads(notebook: Any, file_stem: str) -> dict[str, str]:
    """Return file name -> CSV of every table and figure of an executed notebook."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    marked = [output for output in outputs if "text/csv" in output.get("data", {})]
    return {f"{file_stem}_{mark_of(o)['id']}.csv": o["data"]["text/csv"] for o in marked}


def render(notebook: Any, *, file_stem: str, frame: Frame, text: Text) -> str:
    """Return the page of an executed notebook; the same notebook and frame give the same bytes."""
    notebook = copy.deepcopy(notebook)
    cells = [c for c in notebook.cells if "title" not in c.metadata.get("tags", [])]
    notebook.cells = join_silent_code(cells)
    sections = arrange(notebook.cells, file_stem, text)
    resources = {"frame": frame, "text": text, "sections": sections, "policy": POLICY}
    html, _ = exporter().from_notebook_node(notebook, resources=resources)
    return with_font(html)


def render_portal(parts: list[dict[str, Any]]) -> str:
    """Return the page that leads to all others; `parts`: text, pages, frame of each language."""
    template = exporter().environment.get_template("portal.html.j2")
    first = parts[0]
    resources = {"policy": POLICY}
    html: str = template.render(
        parts=parts, frame=first["frame"], text=first["text"], resources=resources
    )
    return with_font(html)


def with_font(html: str) -> str:
    """Return the page with the glyphs that it shows; the code of cells is in Latin anyway."""
    content = html.partition("<body")[2] + html.partition("<title>")[2].partition("</title>")[0]
    shown = "".join(sorted(c for c in set(unescape(content)) if ord(c) in fonts.characters()))
    face = (
        f'@font-face{{font-family:"{fonts.FAMILY}";font-display:block;'
        f'src:url(data:font/woff;base64,{fonts.subset(shown)}) format("woff")}}'
    )
    return html.replace(FONT_PLACE, face)
