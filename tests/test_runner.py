"""Runs: in the right order, the same every time, honest when something fails."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from filelock import FileLock
from nbformat.v4 import new_code_cell, new_notebook
from study_runs import Ran, run_study

from haidian_eval.errors import EvaluationError, ParameterError, TableError
from haidian_eval.kernels import check_parameters
from haidian_eval.places import open_study
from haidian_eval.runner import choose, read_stages, run, site
from haidian_eval.runner.provenance import digest_files, trace
from haidian_eval.runner.run import alone, refuse_language_differences
from haidian_eval.tables import read_table, store

PARAMETERS = 'year = 2024\nlang = "zh"\nroot = ""\nrun = ""'


def notebook(folder: Path, name: str, *cells: str) -> Path:
    """Write a notebook with the parameters of the house and these cells."""
    folder.mkdir(exist_ok=True)
    first = new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    book = new_notebook(cells=[first, *map(new_code_cell, cells)], metadata=kernel)
    path = folder / f"{name}.ipynb"
    nbformat.write(book, path)
    return path


def files(folder: Path) -> dict[str, bytes]:
    """Everything that a run publishes; logs and locks aside."""
    found = [p for p in folder.rglob("*") if p.is_file() and "logs" not in p.parts]
    return {str(p.relative_to(folder)): p.read_bytes() for p in found if p.name != ".lock"}


def test_same_inputs_give_the_same_bytes_whatever_the_folder_and_the_workers(
    ran: Ran, tmp_path: Path
) -> None:
    again = run_study(tmp_path, langs=["zh", "en"], jobs=1)
    first, second = files(ran.site), files(again.site)
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []
    assert len([name for name in first if name.endswith(".html")]) == 21
    for name in ("scores", "levels", "improvement", "growth", "claim_cells", "values"):
        ours, theirs = (r.processed / f"{name}.parquet" for r in (ran, again))
        assert ours.read_bytes() == theirs.read_bytes()


def test_manifest_vouches_for_every_published_file(ran: Ran) -> None:
    manifest = json.loads((ran.site / "manifest.json").read_text("utf-8"))
    published = {n for n in files(ran.site) if n != "manifest.json"}
    assert set(manifest["files"]) == published
    for name, checksum in manifest["files"].items():
        assert store.sha256(ran.site / name) == checksum
    assert manifest["run"] == ran.run_id
    assert not (ran.site / ".work").exists()


def test_results_are_kept_with_source_and_checksum(ran: Ran) -> None:
    scores = read_table(ran.processed, "scores")
    assert len(scores) == 34
    with_value = scores["value"].notna()
    assert scores.loc[with_value, "source_id"].isin(["S37", "S38"]).all()
    assert read_table(ran.processed, "left_out")["rows"].sum() == 18 + 7


def test_executed_notebooks_are_published_without_clocks(ran: Ran) -> None:
    paths = sorted((ran.site / "notebooks").rglob("*.ipynb"))
    assert len(paths) == 20
    for path in paths:
        book = nbformat.read(path, as_version=4)
        assert not any(
            name in part.metadata
            for part in (book, *book.cells)
            for name in ("papermill", "execution")
        )


def test_run_id_changes_with_inputs_parameters_and_program(edition: Path, root: Path) -> None:
    notebooks = root / "notebooks"
    base = trace(open_study(2024, data=edition.parent), notebooks, ())
    other = trace(open_study(2024, data=edition.parent, sets=["scoring.rule=step"]), notebooks, ())
    assert base.inputs == other.inputs
    assert base.run_id != other.run_id
    path = edition / "values.csv"
    path.write_text(path.read_text("utf-8").replace("7.7", "7.8", 1), "utf-8")
    changed = trace(open_study(2024, data=edition.parent), notebooks, ())
    assert changed.inputs != base.inputs
    assert changed.run_id != base.run_id
    assert base.code == changed.code
    same = trace(open_study(2024, data=edition.parent, sets=["scoring.rule="]), notebooks, ["x"])
    assert same.settings == ()


def test_checksum_of_files_knows_their_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    before = digest_files(tmp_path, [tmp_path / "a"])
    (tmp_path / "a").rename(tmp_path / "b")
    assert digest_files(tmp_path, [tmp_path / "b"]) != before


def test_stages_are_ordered_by_the_tables_they_load(tmp_path: Path) -> None:
    notebook(tmp_path / "n", "10_late", 'page.load("b")')
    notebook(tmp_path / "n", "20_middle", 'x = page.load("a")\npage.save(b=x)')
    notebook(tmp_path / "n", "30_first", "page.save(a=1)")
    assert [s.name for s in read_stages(tmp_path / "n")] == ["first", "middle", "late"]


def test_shipped_stages_and_their_tables(root: Path) -> None:
    stages = {stage.name: stage for stage in read_stages(root / "notebooks")}
    assert list(stages) == [
        "tables", "scoring", "environment", "economy", "robustness", "effect", "satisfaction",
        "opinion", "claims", "report",
    ]  # fmt: skip
    assert {"scores", "discrimination", "standings"} <= stages["scoring"].writes
    assert {"rank_intervals", "sensitivity_indices"} <= stages["robustness"].writes
    assert {"values", "units", "left_out", "defects"} <= stages["tables"].writes
    assert {"panel", "policies"} <= stages["effect"].reads
    assert {"responses", "tickets", "participation"} <= stages["satisfaction"].reads
    assert {"satisfaction_rates", "hotline_rates"} <= stages["satisfaction"].writes
    assert {"scores", "left_out"} <= stages["report"].reads


@pytest.mark.parametrize(
    ("books", "message"),
    [
        (
            {"10_a": 'page.save(x=page.load("y"))', "20_b": 'page.save(y=page.load("x"))'},
            "wait for",
        ),
        ({"10_a": "page.save(x=1)", "20_b": "page.save(x=2)"}, "two stages write the table 'x'"),
        ({"10_a": 'page.load("z")'}, "10_a.ipynb loads the table 'z', which no stage saves"),
        ({"10_a": "page.load(name)"}, "needs the table's name in quotes"),
        ({}, "no stage found"),
    ],
)
def test_stages_that_cannot_be_ordered_are_named(tmp_path: Path, books, message: str) -> None:
    (tmp_path / "n").mkdir()
    for name, code in books.items():
        notebook(tmp_path / "n", name, code)
    with pytest.raises(EvaluationError, match=message):
        read_stages(tmp_path / "n")


def test_only_and_from_choose_stages(root: Path) -> None:
    stages = read_stages(root / "notebooks")
    assert [s.name for s in choose(stages, only="scoring")] == ["scoring"]
    assert [s.name for s in choose(stages, start="claims")] == ["claims", "report"]
    with pytest.raises(ParameterError, match=r"--only scorin.*did you mean 'scoring'"):
        choose(stages, only="scorin")


def test_parameter_that_a_notebook_does_not_declare_is_refused(root: Path) -> None:
    path = root / "notebooks" / "20_scoring.ipynb"
    check_parameters(path, {"year": 2024, "lang": "en"})
    with pytest.raises(ParameterError, match=r"'yaer' is not known.*'lang', 'root', 'run', 'year'"):
        check_parameters(path, {"yaer": 2024})


def test_users_mistake_in_a_notebook_comes_back_as_such(edition: Path, tmp_path: Path) -> None:
    code = 'from haidian_eval.errors import TableError\nraise TableError("values.csv is not there")'
    books = notebook(tmp_path / "n", "10_tables", code).parent
    study = open_study(2024, data=edition.parent)
    with pytest.raises(TableError, match=r"^10_tables.ipynb: values.csv is not there$"):
        run(study, books, langs=["zh"], jobs=1)


def test_fault_of_the_program_shows_its_traceback_and_leaves_no_results(
    edition: Path, tmp_path: Path
) -> None:
    books = notebook(tmp_path / "n", "10_tables", "answer = 41", "1 / 0").parent
    study = open_study(2024, data=edition.parent)
    with pytest.raises(RuntimeError, match=r"(?s)10_tables.ipynb \(zh\) failed.*ZeroDivisionError"):
        run(study, books, langs=["zh"], jobs=1)
    assert not (study.places.reports / "2024" / "manifest.json").exists()
    assert not study.processed.exists()


def test_failed_run_leaves_the_results_of_the_one_before(edition: Path, tmp_path: Path) -> None:
    frame = "import pandas\nfrom haidian_eval.report import Page\n" + (
        'page = Page("10_tables", year=year, lang=lang, root=root, run=run)\n'
        'page.save(a=pandas.DataFrame({"x": [1]}))'
    )
    books = notebook(tmp_path / "n", "10_tables", frame).parent
    study = open_study(2024, data=edition.parent)
    run(study, books, langs=["zh"], jobs=1)
    before = files(study.processed)
    notebook(books, "20_scoring", 'page = None\nif page: page.load("a")\n1 / 0')
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        run(study, books, langs=["zh"], jobs=1)
    assert files(study.processed) == before
    with pytest.raises(EvaluationError, match=r"not of one run with these inputs.*run all stages"):
        run(study, books, langs=["zh"], jobs=1, only="scoring")


def test_warning_of_a_cell_goes_to_the_log_and_not_on_the_page(
    edition: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = 'import warnings\nprint("shown")\nwarnings.warn("mind the gap")'
    books = notebook(tmp_path / "n", "10_tables", code).parent
    with caplog.at_level("INFO", logger="haidian_eval"):
        outcome = run(open_study(2024, data=edition.parent), books, langs=["zh"], jobs=1)
    page = (outcome.folder / "zh" / "10_tables.html").read_text("utf-8")
    assert "shown" in page
    assert "UserWarning: mind the gap" not in page
    assert "UserWarning: mind the gap" in caplog.text


def test_run_in_one_language_links_to_no_other(edition: Path, tmp_path: Path) -> None:
    books = notebook(tmp_path / "n", "10_tables", "x = 1").parent
    notebook(books, "20_scoring", "y = 2")
    study = open_study(2024, data=edition.parent)
    run(study, books, langs=["zh"], jobs=2)
    folder = study.places.reports / "2024"
    assert "../en/" not in (folder / "zh" / "10_tables.html").read_text("utf-8")
    assert "en/" not in (folder / "index.html").read_text("utf-8").partition("<body")[2]
    run(study, books, langs=["en"], jobs=1, only="tables")
    assert "../zh/" in (folder / "en" / "10_tables.html").read_text("utf-8")
    portal = (folder / "index.html").read_text("utf-8")
    assert 'href="zh/10_tables.html"' in portal
    assert 'href="en/10_tables.html"' in portal


def test_manifest_that_cannot_be_read_vouches_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{")
    assert site.read_manifest(tmp_path).files == {}
    assert store.read_manifest(tmp_path) == {}
    names = {"../victim": "1", "/victim": "2", "C:/victim": "3", "zh/page.html": "4"}
    (tmp_path / "manifest.json").write_text(json.dumps({"run": "r", "files": names}))
    assert site.read_manifest(tmp_path).files == {"zh/page.html": "4"}


def test_dead_kernel_is_a_failure_not_a_page(edition: Path, tmp_path: Path) -> None:
    books = notebook(tmp_path / "n", "10_tables", "import os\nos._exit(3)").parent
    with pytest.raises(RuntimeError, match=r"10_tables.ipynb \(zh\) failed"):
        run(open_study(2024, data=edition.parent), books, langs=["zh"], jobs=1)


def test_second_run_on_the_same_folder_is_refused(edition: Path, root: Path) -> None:
    study = open_study(2024, data=edition.parent)
    folder = study.places.reports / "2024"
    folder.mkdir(parents=True)
    with (
        FileLock(folder / ".lock"),
        pytest.raises(EvaluationError, match="another run is writing"),
    ):
        run(study, root / "notebooks", langs=["zh"])
    with alone(folder):
        assert (folder / ".lock").exists()


def test_one_stage_goes_on_only_from_results_of_the_same_inputs(ran: Ran, root: Path) -> None:
    same = open_study(2024, data=ran.data)
    outcome = run(same, root / "notebooks", langs=["zh", "en"], only="report")
    assert outcome.run_id == ran.run_id
    assert not outcome.anew
    other = open_study(2024, data=ran.data, sets=["scoring.rule=step"])
    with pytest.raises(EvaluationError, match="not of one run with these inputs"):
        run(other, root / "notebooks", langs=["zh"], only="report")


def test_what_stands_is_left_and_what_was_touched_is_made_again(tmp_path: Path, root: Path) -> None:
    first = run_study(tmp_path, langs=["en"], jobs=2)
    study, before = open_study(2024, data=first.data), files(first.site)
    again = run(study, root / "notebooks", langs=["en"])
    assert not again.anew
    assert again.run_id == first.run_id
    page = first.site / "en" / "20_scoring.html"
    page.write_bytes(page.read_bytes().replace(b"91.17", b"99.99"))
    assert run(study, root / "notebooks", langs=["en"], only="scoring").anew
    assert files(first.site) == before
    values = first.processed / "values.parquet"
    values.write_bytes(values.read_bytes()[:-1])
    assert run(study, root / "notebooks", langs=["en"]).anew
    assert files(first.site) == before


def test_results_that_differ_between_languages_are_refused(tmp_path: Path) -> None:
    class Folder:
        def __init__(self, path: Path, value: float) -> None:
            self.folder = path
            store.write_tables(path, {"scores": pd.DataFrame({"x": [value]})})

    class Job:
        def __init__(self, path: Path, value: float) -> None:
            self.task = Folder(path, value)

    same = {("scoring", lang): Job(tmp_path / lang, 1.0) for lang in ("zh", "en")}
    refuse_language_differences(same)
    other = same | {("scoring", "en"): Job(tmp_path / "other", 2.0)}
    with pytest.raises(RuntimeError, match="results of 'scoring' differ between zh, en"):
        refuse_language_differences(other)


def test_whole_run_takes_away_what_an_earlier_one_left(tmp_path: Path, root: Path) -> None:
    provenance = trace(open_study(2024), root / "notebooks", ())
    site.publish(tmp_path, {"zh/old.html": b"1", "zh/kept.html": b"2"}, provenance, whole=True)
    site.publish(tmp_path, {"zh/kept.html": b"3"}, provenance, whole=True)
    assert sorted(files(tmp_path)) == ["manifest.json", "zh/kept.html"]
    site.publish(tmp_path, {"zh/more.html": b"4"}, provenance, whole=False)
    assert sorted(site.read_manifest(tmp_path).files) == ["zh/kept.html", "zh/more.html"]


def test_edition_of_another_focus_and_day_without_the_optional_tables_runs_through(
    tmp_path: Path,
) -> None:
    absent = ("claims", "corrections", "rules", "policies", "external_ranks")
    ran = run_study(
        tmp_path, langs=["zh"], jobs=2, without=tuple(f"{name}.csv" for name in absent),
        sets=("report.focus_unit=110105", "edition.as_of=2022-12-31"),
    )  # fmt: skip
    claims = (ran.site / "zh" / "80_claims.html").read_text("utf-8")
    assert "0条表述" in claims
    environment = (ran.site / "zh" / "22_environment.html").read_text("utf-8")
    assert "朝阳区：最近一个月的位置" in environment
    assert "2023年5月：" not in environment.partition("小结")[2]
    assert read_table(ran.processed, "growth").empty  # no GDP was published by that day
    assert read_table(ran.processed, "levels")["value"].notna().any()
    for path in ran.site.glob("zh/*.html"):
        body = re.sub(r"base64,[\w+/=]+", "", path.read_text("utf-8")).partition("<main")[2]
        assert not re.search(r">\s*(nan|NaN|None|<NA>)\s*<", body), path


def test_interrupted_write_leaves_the_old_content(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "page.html"
    store.replace(path, b"old")

    def fail(*_: object) -> None:
        raise OSError("disc full")

    monkeypatch.setattr(store.os, "fsync", fail)
    with pytest.raises(OSError, match="disc full"):
        store.replace(path, b"new")
    assert path.read_bytes() == b"old"
