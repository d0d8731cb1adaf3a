"""Every row of R `survey` on the California schools, but for those named in LEFT_OUT."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from haidian_eval.satisfaction import (
    Design,
    alpha,
    chi_square,
    contrast,
    estimate,
    post_stratify,
    rake,
    trim,
)

R_DIGITS = 1e-10  # relative; the folder prints 12 digits
STRATA_FILL = 1e-9  # of the estimate: totals of strata have no error beyond rounding
GLM = 5e-9  # svyciprop "logit" searches its mean by glm, which stops at 1e-8 of the deviance
SWEEPS = 2e-9  # R projects margins in ten sweeps, which is not yet the limit
# R's default rake stops when no cell moves by one school, and projects each margin with the
# weights that stood after it: its errors are those of weights on the way, and are not compared.
R_STOP = 7e-5
LEFT_OUT = {
    "svyvar": "variances of single answers are not reported",
    "method='likelihood'": "profile likelihood: no design-based interval needs it here",
    "method='asin'": "the arcsine interval is not offered",
}
DESIGNS = {
    "dsrs": Design(fpc="fpc"),
    "dstrat": Design(strata="stype", weights="pw", fpc="fpc"),
    "dclus1": Design(clusters="dnum", weights="pw", fpc="fpc"),
}
KINDS = {"svymean": "mean", "svytotal": "total", "svyby": "mean"}
SIZES = {"E": 4421.0, "H": 755.0, "M": 1018.0}
WIDE = {"No": 1072.0, "Yes": 5122.0}


@dataclass(frozen=True)
class Row:
    frame: pd.DataFrame
    design: Any
    call: str
    term: str


def margin(column: str, counts: dict[str, float]) -> pd.Series:
    return pd.Series(counts).rename_axis(column)


@pytest.fixture(scope="session")
def schools(reference: Path) -> dict[str, pd.DataFrame]:
    files = {"dsrs": "apisrs", "dstrat": "apistrat", "dclus1": "apiclus1"}
    return {d: pd.read_csv(reference / "satisfaction" / f"{f}.csv") for d, f in files.items()}


@pytest.fixture(scope="session")
def calibrated(schools: dict[str, pd.DataFrame]) -> dict[str, Any]:
    frame, design = schools["dclus1"], DESIGNS["dclus1"]
    margins = [margin("stype", SIZES), margin("sch.wide", WIDE)]
    tight = rake(frame, design, margins)
    return {
        "postStratify": post_stratify(frame, design, margin("stype", SIZES)),
        "rake": rake(frame, design, margins, tolerance=R_STOP),
        "tight": tight,
        "trimWeights": trim(frame, tight, 20, 50),
    }


def expected(reference: Path) -> pd.DataFrame:
    """The rows with `group`: whose weights a row that says `same` refers to."""
    rows = pd.read_csv(reference / "satisfaction" / "r_results.csv")
    head = rows["call"].str.extract(r"^(postStratify|trimWeights|rake\(same|rake)", expand=False)
    group = head.replace({"rake(same": "tight"})
    rows["group"] = group.where(rows["call"].str.startswith("same"), group).ffill()
    plain = head.isna() & ~rows["call"].str.startswith("same")
    return rows.assign(group=rows["group"].mask(plain))


def one(result: pd.DataFrame, **where: Any) -> pd.Series:
    for column, value in where.items():
        result = result[result[column] == value]
    assert len(result) == 1, (where, result)
    return result.iloc[0]


def with_replacement(row: Row, variable: str, found: pd.Series) -> float:
    """The design effect against simple random sampling with replacement."""
    n = row.frame[variable].notna().sum()
    weights = row.frame.get("pw").sum() if row.call.count("dsrs") == 0 else 6194.0
    return float(found["deff"] * (1 - n / weights))


def of_mean(row: Row) -> dict[str, float]:
    name, variable = re.search(r"(svymean|svytotal|svyby)\(~([\w.]+)", row.call).groups()  # type: ignore[union-attr]
    by = "stype" if name == "svyby" else None
    text = variable in ("stype", "sch.wide", "comp.imp")
    kind = "proportion" if text and name == "svymean" else KINDS[name]
    result = estimate(row.frame, row.design, variable, kind=kind, by=by, interval="normal")
    where = {"stype": row.term} if by else {"level": row.term.removeprefix(variable)}
    found = one(result, **where) if by or text else one(result)
    deff = found["deff"]
    if "replace" in row.call:
        deff = with_replacement(row, variable, found)
    return {"estimate": found["estimate"], "se": found["se"], "ci_low": found["low"],
            "ci_high": found["high"], "deff": deff}  # fmt: skip


def of_ratio(row: Row) -> dict[str, float]:
    result = estimate(
        row.frame, row.design, "api.stu", kind="ratio", denominator="enroll", interval="normal"
    )
    found = one(result)
    return {"estimate": found["estimate"], "se": found["se"], "ci_low": found["low"],
            "ci_high": found["high"]}  # fmt: skip


def of_share(row: Row) -> dict[str, float]:
    method = row.call.split("method='")[1].split("'")[0]
    interval = {"mean": "t", "xlogit": "logit"}.get(method, method)
    result = estimate(row.frame, row.design, "sch.wide", kind="proportion", interval=interval)
    found = one(result, level="Yes")
    return {"estimate": found["estimate"], "se": found["se"], "ci_low": found["low"],
            "ci_high": found["high"]}  # fmt: skip


def of_quantile(row: Row) -> dict[str, float]:
    at = float(row.term.removeprefix("q"))
    found = one(estimate(row.frame, row.design, "api00", kind="quantile", quantile=at))
    return {"estimate": found["estimate"], "se": found["se"], "ci_low": found["low"],
            "ci_high": found["high"]}  # fmt: skip


def of_test(row: Row) -> dict[str, float]:
    found = contrast(row.frame, row.design, "api00", {"Yes": 1, "No": -1}, by="comp.imp").iloc[0]
    column = {"diff": "estimate", "p.comp.impYes": "p"}.get(row.term, row.term)
    return {"estimate": found[column]}


def of_table(row: Row) -> dict[str, float]:
    found = chi_square(row.frame, row.design, "sch.wide", "stype")
    values = {"F": found.statistic, "ndf": found.df1, "ddf": found.df2, "p": found.p}
    return {"estimate": values[row.term]}


def of_contrast(row: Row) -> dict[str, float]:
    if row.term == "H-E":
        found = contrast(row.frame, row.design, "api00", {"H": 1, "E": -1}, by="stype")
    else:
        both = {"api00": 1, "api99": -1}
        found = contrast(row.frame, row.design, ["api00", "api99"], both)
    return {"estimate": found["estimate"].iloc[0], "se": found["se"].iloc[0]}


def of_alpha(row: Row) -> dict[str, float]:
    items = row.frame[["ell", "mobility", "meals"]]
    return {"estimate": float(alpha(items, weights=row.frame["pw"]))}


CALLS: dict[str, Callable[[Row], dict[str, float]]] = {
    "svycontrast": of_contrast, "svyttest": of_test, "svychisq": of_table, "svycralpha": of_alpha,
    "svyratio": of_ratio, "svyciprop": of_share, "svyquantile": of_quantile,
    "svymean": of_mean, "svytotal": of_mean, "svyby": of_mean,
}  # fmt: skip


def tolerance(call: str, group: object) -> float:
    if "method='logit'" in call:
        return GLM
    return SWEEPS if group in ("rake", "tight", "trimWeights") else R_DIGITS


def test_rows_of_the_folder_agree_with_r_survey(
    reference: Path, schools: dict[str, pd.DataFrame], calibrated: dict[str, Any]
) -> None:
    wrong, done, skipped = [], 0, 0
    for _, line in expected(reference).iterrows():
        if any(part in line["call"] for part in LEFT_OUT):
            skipped += 1
            continue
        name = next(call for call in CALLS if call in line["call"])
        named = re.search(r"dsrs|dstrat|dclus1", line["call"])
        source = named[0] if named else "dclus1"
        design = DESIGNS[source] if pd.isna(line["group"]) else calibrated[line["group"]]
        actual = CALLS[name](Row(schools[source], design, line["call"], str(line["term"])))
        near = tolerance(line["call"], line["group"])
        slack = STRATA_FILL * abs(line["estimate"]) if line["se"] == 0 else 0.0
        if line["group"] == "rake":
            actual = {"estimate": actual["estimate"]}
        for field, value in actual.items():
            if not pd.isna(line[field]) and not np.isclose(value, line[field], near, slack):
                wrong.append((line["call"], line["term"], field, value, line[field]))
            done += not pd.isna(line[field])
    assert not wrong, "\n".join(map(str, wrong))
    assert (skipped, done) == (9, 330)
