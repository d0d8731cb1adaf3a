"""What goes back to the departments: one workbook each, every query beside the row as handed in."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from haidian_eval.tables.contracts import contracts
from haidian_eval.tables.defects import Defects
from haidian_eval.tables.workbooks import write_workbook
from haidian_eval.text import Text

FORBIDDEN = str.maketrans(dict.fromkeys('<>:"/\\|?*', "_"))


def query_rows(rows: pd.DataFrame, defects: Defects, text: Text) -> pd.DataFrame:
    """Return the queries of one table: where, what, what to do, two cells to answer, the row."""
    lead = pd.DataFrame(
        {
            "number": range(1, len(rows) + 1),
            "severity": [text(f"severity.{one}") for one in rows["severity"]],
            **rows[["file", "sheet", "row"]].to_dict("list"),
            "column": rows["head"].where(rows["head"] != "", rows["column"]).to_list(),
            "found": rows["found"].to_list(),
            "rule": [text(f"rules.{rule}") for rule in rows["rule"]],
            "hint": [text(f"hints.{rule}") for rule in rows["rule"]],
            "answer": "",
            "explanation": "",
        }
    ).rename(columns=lambda name: text(f"columns.{name}"))
    return pd.concat([lead, originals(rows, defects, text)], axis=1)


def originals(rows: pd.DataFrame, defects: Defects, text: Text) -> pd.DataFrame:
    """Return the rows that the queries are about as they were handed in, in the same order."""
    found = []
    for file, sheet, row in zip(rows["file"], rows["sheet"], rows["row"], strict=True):
        own = defects.originals.get((file, sheet))
        known = own is not None and row is not pd.NA and row in own.index
        found.append(dict(own.loc[row]) if own is not None and known else {})
    return pd.DataFrame(found, index=range(len(rows))).rename(
        columns=lambda name: text("query.as_handed_in", column=name)
    )


def write_queries(folder: Path, defects: Defects, text: Text) -> list[Path]:
    """Write one workbook per department with its queries, a sheet per table; return the paths.

    What asks nothing of anybody (notes, totals, the encoding) goes into no workbook.
    """
    frame = defects.frame
    frame = frame[~frame["rule"].isin(["note_row", "total_row", "encoding_read"])]
    paths = []
    frame = frame.assign(department=frame["department"].replace("", text("query.nobody")))
    for department, rows in frame.groupby("department", sort=True):
        sheets = {text("query.about"): about(str(department), rows, text)}
        for table, own in rows.groupby("table", sort=False):
            contract = contracts().get(str(table))
            name = getattr(contract, text.lang) if contract else str(table)
            sheets[name] = query_rows(own, defects, text)
        paths.append(folder / f"{str(department).translate(FORBIDDEN)}.xlsx")
        write_workbook(paths[-1], sheets)
    return paths


def about(department: str, rows: pd.DataFrame, text: Text) -> pd.DataFrame:
    """Return the first sheet: to whom, how many of each kind, and how to answer."""
    counts = rows["severity"].value_counts()
    lines = [text("query.to", department=department), *text("query.how").split("\n")]
    lines += [f"{text(f'severity.{kind}')}: {count}" for kind, count in counts.items()]
    return pd.DataFrame({text("query.title"): lines})
