"""From an executed notebook to a self-contained HTML page."""

from __future__ import annotations

import base64
import copy
from collections.abc import Mapping, Sequence
from functools import cache
from html import unescape
from typing import Any

from haidian_eval import fonts
from haidian_eval.errors import EvaluationError
from haidian_eval.report.exhibit import DOWNLOAD, TEMPLATES, templates
from haidian_eval.text import Text

FONT_PLACE = "/*font*/"


@cache
def exporter() -> Any:
    """Return nbconvert's HTML exporter with the template of the house."""
    from nbconvert import HTMLExporter

    return HTMLExporter(
        template_name="study", extra_template_basedirs=[str(TEMPLATES)],
        exclude_anchor_links=True, exclude_output_prompt=True, exclude_input_prompt=True,
        filters={"css_string": css_string},
    )  # fmt: skip


def css_string(text: str) -> str:
    """Return a text as the inside of a CSS string: every sign that could end it is escaped."""
    return "".join(c if c.isalnum() or c == " " else f"\\{ord(c):x} " for c in text)


def mark_of(output: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mark that the page put on an output, or an empty one."""
    mark: dict[str, Any] = output.get("metadata", {}).get("haidian_eval", {})
    return mark


def with_picture(caption: str, output: Mapping[str, Any]) -> str:
    """Return what stands under a picture together with it and its description in words."""
    name, alt = mark_of(output)["id"], output["metadata"].get("image/png", {}).get("alt")
    if not alt:
        raise EvaluationError(f"the figure {name} has no description in words")
    data = "".join(output["data"]["image/png"].split())
    template = templates().get_template("picture.html.j2")
    return template.render(id=name, alt=alt, data=data, caption=caption)


def outputs_of(notebook: Any) -> list[Any]:
    """Return all outputs of a notebook's cells, in their order."""
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def downloads(notebook: Any, file_stem: str) -> dict[str, str]:
    """Return file name -> CSV of every table and figure of an executed notebook."""
    marked = [output for output in outputs_of(notebook) if "text/csv" in output.get("data", {})]
    return {f"{file_stem}_{mark_of(o)['id']}.csv": o["data"]["text/csv"] for o in marked}


def arrange(outputs: list[Any], file_stem: str, text: Text) -> None:
    """Join pictures with their captions and put links to the downloads in."""
    pictures = {mark_of(o)["id"]: o for o in outputs if mark_of(o).get("kind") == "picture"}
    template = templates().get_template("download.html.j2")
    for output in outputs:
        if "text/csv" not in output.get("data", {}):
            continue
        name = mark_of(output)["id"]
        # the mark at the start of the CSV tells Excel that it is UTF-8
        data = base64.b64encode(output.data["text/csv"].encode("utf-8-sig")).decode("ascii")
        link = template.render(file=f"{file_stem}_{name}.csv", data=data, text=text)
        html = output.data["text/html"].replace(DOWNLOAD, link)
        output.data["text/html"] = with_picture(html, pictures[name]) if name in pictures else html


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


def render(notebook: Any, *, file_stem: str, text: Text, **around: object) -> str:
    """Return the page of an executed notebook, the same for the same notebook and surroundings.

    around: what else the templates ask for, the site and the stage.
    """
    notebook = copy.deepcopy(notebook)
    cells = [c for c in notebook.cells if "title" not in c.metadata.get("tags", [])]
    notebook.cells = join_silent_code(cells)
    outputs = outputs_of(notebook)
    arrange(outputs, file_stem, text)
    sections = [mark_of(o) for o in outputs if mark_of(o).get("kind") == "section"]
    resources = {"text": text, "sections": sections, **around}
    html, _ = exporter().from_notebook_node(notebook, resources=resources)
    return with_font(html)


def render_portal(texts: Sequence[Text], site: object) -> str:
    """Return the page that leads to all others, in every language of the site."""
    template = exporter().environment.get_template("portal.html.j2")
    return with_font(template.render(texts=texts, text=texts[0], site=site))


def with_font(html: str) -> str:
    """Return the page with the glyphs that it shows; the code of cells is in Latin anyway."""
    content = html.partition("<body")[2] + html.partition("<title>")[2].partition("</title>")[0]
    shown = "".join(sorted(c for c in set(unescape(content)) if ord(c) in fonts.characters()))
    return html.replace(FONT_PLACE, fonts.subset(shown))
