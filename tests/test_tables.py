"""Tables: what is read, what is refused, where it says that it stood."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from haidian_eval import tables
from haidian_eval.errors import TableError
from haidian_eval.params import load_params
from haidian_eval.tables import Defects, sentence
from haidian_eval.text import Text


def edit(path: Path, line: int, old: str, new: str) -> None:
    """Replace a text in one line (the header is line 1) of a file."""
    lines = path.read_text("utf-8").split("\n")
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    path.write_text("\n".join(lines), "utf-8")


def places(edition: tables.Edition) -> list[tuple[str, object, str, str, str]]:
    """The defects as (file, row, column, rule, severity)."""
    columns = ["file", "row", "column", "rule", "severity"]
    return list(edition.defects.frame[columns].itertuples(index=False, name=None))


def test_shipped_edition_has_no_defect(edition: Path) -> None:
    read = tables.read_edition(edition, strict=True)
    assert places(read) == []
    assert {name: len(frame) for name, frame in read.tables.items()} == {
        "sources": 6,
        "units": 22,
        "indicators": 2,
        "points": 2,
        "values": 35,
    }


def test_units_are_16_districts_and_a_zone_in_four_groups(edition: Path) -> None:
    units = tables.read_edition(edition).tables["units"]
    grouped = units[units["peer_group"].notna()]
    assert grouped["unit_type"].value_counts().to_dict() == {"district": 16, "development_zone": 1}
    assert grouped.groupby("peer_group").size().to_dict() == {
        "central": 4,
        "core_subcentre": 3,
        "eco": 5,
        "plain_new_town": 5,
    }


def test_every_row_has_its_source_file_and_row(edition: Path) -> None:
    read = tables.read_edition(edition)
    known = set(read.tables["sources"]["source_id"])
    for name, frame in read.tables.items():
        cited = frame["source_id"].str.split(";").explode()
        assert cited.isin(known).all(), name
        assert (frame["_file"] == f"{name}.csv").all()
        assert frame["_row"].min() == 2


def test_values_after_the_as_of_date_are_left_out_by_name(edition: Path) -> None:
    read = tables.read_edition(edition)
    assert read.left_out[["period", "source_id", "reason", "rows"]].to_numpy().tolist() == [
        ["2025-10", "S39", "as_of", 18]
    ]
    assert "2025-10" not in set(read.tables["values"]["period"])
    later = load_params(edition, ["edition.as_of=2025-12-01"])
    admitted = tables.read_edition(edition, params=later)
    assert admitted.left_out.empty
    assert len(admitted.tables["values"]) == 35 + 18


def test_doubtful_values_are_left_out_by_name(edition: Path) -> None:
    edit(edition / "values.csv", 3, "seen_official", "seed_claim")
    read = tables.read_edition(edition)
    assert read.left_out["reason"].tolist() == ["confidence", "as_of"]
    assert len(read.tables["values"]) == 34


@pytest.mark.parametrize(
    ("file", "line", "old", "new", "column", "rule"),
    [
        ("values.csv", 3, ",8.1,", ",八点一,", "value", "number"),
        ("values.csv", 3, ",8.1,", ",,", "value", "required"),
        ("values.csv", 3, ",8.1,", ",８.１,", "value", "number"),
        ("values.csv", 3, ",8.1,", ",1_0,", "value", "number"),
        ("values.csv", 3, ",8.1,", ",nan,", "value", "number"),
        ("values.csv", 3, ",8.1,", ",1e999,", "value", "number"),
        ("values.csv", 3, ",0.05,", ",-5,", "half_width", "amount"),
        ("values.csv", 3, "2022-02", "２０２２-02", "period", "period"),
        ("values.csv", 3, "2022-02", "2022-13", "period", "period"),
        ("values.csv", 3, "2022-04-26", "26/4/2022", "as_of", "date"),
        ("values.csv", 3, "seen_official", "sure", "confidence", "allowed"),
        ("values.csv", 3, "110101", "999999", "unit_id", "reference"),
        ("values.csv", 3, "road_dust_residue", "road_dust", "indicator_id", "reference"),
        ("values.csv", 3, "g/m2", "kg/m2", "unit", "unit"),
        ("values.csv", 3, ",S37", ",S99", "source_id", "reference"),
        ("values.csv", 3, ",S37", ",", "source_id", "source"),
        ("units.csv", 9, ",district,", ",suburb,", "unit_type", "allowed"),
        ("points.csv", 2, ",10,", ",ten,", "at", "number"),
    ],
)
def test_faulty_cell_excludes_its_row_and_says_where(
    edition: Path, file: str, line: int, old: str, new: str, column: str, rule: str
) -> None:
    whole = tables.read_edition(edition).tables[file[:-4]]
    edit(edition / file, line, old, new)
    read = tables.read_edition(edition)
    assert (file, line, column, rule, "excluded") in places(read)
    rows = read.tables[file[:-4]]["_row"]
    assert line not in set(rows)
    assert len(rows) == len(whole) - 1


def test_a_faulty_cell_hides_no_other_defect(edition: Path) -> None:
    path = edition / "values.csv"
    edit(path, 3, ",8.1,", ",text,")
    edit(path, 4, "seen_official", "sure")
    edit(path, 5, "2022-04-26", "soon")
    assert [row for _, row, *_ in places(tables.read_edition(edition))] == [3, 4, 5]


def test_repeated_key_counts_for_none_of_its_rows(edition: Path) -> None:
    path = edition / "values.csv"
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([*lines, lines[2].replace(",8.1,", ",9.9,")]) + "\n", "utf-8")
    read = tables.read_edition(edition)
    assert [(row, rule) for _, row, _, rule, _ in places(read)] == [(3, "key"), (55, "key")]
    assert len(read.tables["values"]) == 34


def test_row_wider_than_the_header_is_named(edition: Path) -> None:
    path = edition / "values.csv"
    lines = path.read_text("utf-8").splitlines()
    lines[2] += ",more"
    path.write_text("\n".join(lines), "utf-8")
    assert places(tables.read_edition(edition)) == [("values.csv", 3, "", "width", "excluded")]


def test_row_number_counts_lines_of_quoted_cells(edition: Path) -> None:
    path = edition / "sources.csv"
    edit(path, 2, "题名为本研究所拟", '"题名\n为本研究所拟')
    edit(path, 3, "未注明道路等级", '未注明道路等级"')
    edit(path, 5, ",official,", ",officious,")
    read = tables.read_edition(edition)
    assert ("sources.csv", 5, "kind", "allowed", "excluded") in places(read)


def test_gb18030_file_reads_the_same(edition: Path) -> None:
    expected = tables.read_edition(edition).tables["units"]
    path = edition / "units.csv"
    path.write_bytes(path.read_text("utf-8").encode("gb18030"))
    actual = tables.read_edition(edition).tables["units"]
    pd.testing.assert_frame_equal(actual, expected)


def test_mark_at_the_start_of_utf8_is_not_part_of_the_header(edition: Path) -> None:
    path = edition / "units.csv"
    path.write_bytes(path.read_text("utf-8").encode("utf-8-sig"))
    assert places(tables.read_edition(edition)) == []


def test_bytes_that_are_no_text_stop_the_table(edition: Path) -> None:
    (edition / "points.csv").write_bytes(b"scheme_id,\xff\xff\xff")
    with pytest.raises(TableError, match=r"points.csv: encoding not recognised; found byte 10"):
        tables.read_edition(edition, strict=True)


def test_unclosed_quote_stops_the_table_instead_of_swallowing_rows(edition: Path) -> None:
    edit(edition / "values.csv", 5, ",8.4,", ',"8.4,')
    with pytest.raises(TableError, match=r"values.csv: file cannot be read"):
        tables.read_edition(edition, strict=True)


def test_values_without_any_source_do_not_count(edition: Path) -> None:
    (edition / "sources.csv").unlink()
    read = tables.read_edition(edition)
    assert ("sources.csv", "file") in [(file, rule) for file, _, _, rule, _ in places(read)]


def test_missing_file_says_what_was_expected_where(edition: Path) -> None:
    (edition / "values.csv").rename(edition / "values.xls")
    with pytest.raises(TableError, match=r"values.csv: file missing; found values.xls; expected "):
        tables.read_edition(edition, strict=True)
    assert "values" not in tables.read_edition(edition).tables


def test_missing_and_repeated_columns_stop_the_table(edition: Path) -> None:
    edit(edition / "values.csv", 1, "value,", "valeu,")
    edit(edition / "points.csv", 1, "score", "at")
    with pytest.raises(TableError) as caught:
        tables.read_edition(edition, strict=True)
    message = str(caught.value)
    assert "values.csv, row 1, column value: column missing" in message
    assert "points.csv, row 1, column score" in message
    assert "points.csv, row 1, column at: column missing or repeated; found at twice" in message


def test_defect_is_said_in_both_languages() -> None:
    defects = Defects()
    defects.add("number", "values.csv", severity="excluded", row=3, column="value", found="x")
    record = defects.frame.to_dict("records")[0]
    assert sentence(record, Text("en")) == (
        "values.csv, row 3, column value: not a number; found x. "
        "To do: write a plain number such as 12.5."
    )
    assert sentence(record, Text("zh")) == (
        "values.csv、第3行、value列：应为数字；所见：x。处理办法：填写普通数字，如 12.5。"
    )


def test_every_rule_has_words_in_both_languages(root: Path) -> None:
    rules = {key.split(".")[1] for key in flatten_keys("zh") if key.startswith("rules.")}
    hints = {key.split(".")[1] for key in flatten_keys("zh") if key.startswith("hints.")}
    assert rules == hints
    assert {"number", "date", "period", "required", "allowed", "reference"} <= rules


def flatten_keys(lang: str) -> list[str]:
    from haidian_eval.text import read_words

    return list(read_words(lang))


def test_coverage_names_the_units_without_a_value(edition: Path) -> None:
    rows = tables.coverage(tables.read_edition(edition)).set_index("period")
    assert rows.loc["2022-02", ["units_with_value", "units_assessed"]].tolist() == [16, 17]
    assert rows.loc["2022-02", "absent"] == "1101BDA"
    assert rows.loc["2023-11", "absent"] == ""


def test_stored_table_is_vouched_for_by_its_checksum(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", None]})
    tables.write_tables(tmp_path, {"t": frame})
    pd.testing.assert_frame_equal(tables.read_table(tmp_path, "t"), frame, check_dtype=False)
    content = bytearray((tmp_path / "t.parquet").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(TableError, match="was changed after it was written"):
        tables.read_table(tmp_path, "t")
    with pytest.raises(TableError, match=r"expected none.parquet.*run all stages"):
        tables.read_table(tmp_path, "none")
