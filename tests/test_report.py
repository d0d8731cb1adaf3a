"""Pages: every exhibit says what it is, nothing reaches out, nothing in a cell becomes code."""

from __future__ import annotations

import base64
import csv
import html as html_module
import io
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fontTools.ttLib import TTFont
from study_runs import Ran

from haidian_eval import scoring, tables
from haidian_eval.errors import EvaluationError, ParameterError, TableError
from haidian_eval.params import load_params
from haidian_eval.report import annex, exhibit, export, leaf, page
from haidian_eval.report.views import scoring as views
from haidian_eval.text import Text

FOOT_ZH = "研究示例，依据公开资料与模拟数据，非海淀区政府或其委托机构发布，不得作为考核奖惩依据"
EXHIBIT = re.compile(r'<figure class="exhibit" id="([^"]+)">(.*?)</figure>', re.DOTALL)
SOURCES = pd.DataFrame(
    {
        "source_id": ["S1", "SYN"],
        "kind": ["official", "synthetic"],
        "title": ["表", "模拟表"],
        "publisher": ["局", "本研究"],
    }
).set_index("source_id")


def make(rows: pd.DataFrame, lang: str = "zh", kind: str = "table") -> exhibit.Exhibit:
    return exhibit.Exhibit(kind, "20-1", "题目", "附注", rows, SOURCES, Text(lang))


def frame(**columns: list[Any]) -> pd.DataFrame:
    return pd.DataFrame(
        {"unit_name": ["甲"], "score": [91.1666666667], "source_id": ["S1"]} | columns
    )


def pages(ran: Ran) -> list[Path]:
    found = sorted(ran.site.glob("*/[0-9][0-9]_*.html"))
    assert len(found) == 20
    return found


def test_table_bears_number_source_class_note_and_download() -> None:
    actual = exhibit.html(make(frame()), "table")
    assert 'id="table-20-1"' in actual
    assert "<caption>表20-1 题目</caption>" in actual
    assert "注：附注" in actual
    assert "资料来源：[S1] 局：表" in actual
    assert "数据类别：官方数据" in actual
    assert exhibit.DOWNLOAD in actual
    assert '<td class="number">91.17</td>' in actual
    assert '<th scope="row" class="short">甲</th>' in actual
    assert "方法演示" not in actual


def test_synthetic_row_heads_the_exhibit_as_a_demonstration() -> None:
    rows = frame(source_id=["S1;SYN"])
    for actual in (
        exhibit.html(make(rows), "table"),
        exhibit.html(make(rows, kind="figure"), "figure"),
    ):
        assert "方法演示，不构成对任何单位或政策的评价" in actual
        assert "官方数据、模拟数据" in actual
    assert "Method demonstration" in exhibit.html(make(rows, "en"), "table")


def test_text_of_a_cell_never_becomes_markup() -> None:
    rows = frame(unit_name=["<script>alert(1)</script>"])
    actual = exhibit.html(make(rows), "table")
    assert "<script" not in actual
    assert "&lt;script&gt;" in actual


def test_download_holds_source_and_class_in_every_row_and_no_formula() -> None:
    rows = frame(unit_name=["=1+1"], score=[-91.16666666666667])
    parsed = list(csv.reader(io.StringIO(exhibit.csv_text(make(rows)))))
    assert parsed[0] == ["单位", "得分", "来源编号", "数据类别"]
    assert parsed[1] == ["'=1+1", "-91.16666667", "S1", "官方数据"]


def test_missing_cells_are_dashes_and_blank_in_the_download() -> None:
    rows = pd.DataFrame(
        {
            "unit_name": ["甲"],
            "score": [float("nan")],
            "level_rank": pd.array([pd.NA], dtype="Int64"),
            "source_id": [""],
        }
    )
    actual = exhibit.html(make(rows), "table")
    assert actual.count('<td class="number">—</td>') == 2
    assert "资料来源：无" in actual
    assert exhibit.csv_text(make(rows)).splitlines()[1] == "甲,,,,"


def test_unknown_source_of_a_row_is_refused() -> None:
    with pytest.raises(TableError, match=r"the sources \['S9'\] are not in the table sources"):
        exhibit.html(make(frame(source_id=["S9"])), "table")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, ran: Ran) -> tuple[page.Page, list[dict[str, Any]]]:
    """A page of the scoring stage and what it has displayed."""
    outputs: list[dict[str, Any]] = []

    def record(bundle: dict[str, str], *, raw: bool, metadata: dict[str, Any]) -> None:
        outputs.append({"data": bundle, "metadata": metadata})

    monkeypatch.setattr(page, "display", record)
    opened = page.Page("20_scoring", year=2024, lang="zh")
    opened.sources = SOURCES
    return opened, outputs


def test_numbers_run_on_and_the_same_table_keeps_its_own(shown) -> None:
    opened, outputs = shown
    words = {"indicator": "甲", "unit": "克"}
    for line in ("一", "二", "一"):
        levels = {"line": line, "periods": "某月"}
        opened.table("levels", frame(), **words, **levels)
    opened.table("discrimination", frame())
    ids = [output["metadata"]["haidian_eval"]["id"] for output in outputs]
    assert ids == ["table-20-1", "table-20-2", "table-20-1", "table-20-3"]


def test_rows_without_a_source_column_are_refused(shown) -> None:
    opened, _ = shown
    with pytest.raises(ParameterError, match=r"scoring.discrimination: the rows need .*source_id"):
        opened.table("discrimination", frame().drop(columns="source_id"))


def test_words_of_values_are_no_markdown(shown) -> None:
    opened, outputs = shown
    opened.say("rule", name="<b>[x](javascript:alert(1))*", unit="_g_", standard="ok")
    text = outputs[0]["data"]["text/markdown"]
    assert "&lt;b&gt;\\[x\\](javascript:alert(1))\\*" in text
    assert "\\_g\\_" in text


def test_figure_without_description_in_words_is_refused() -> None:
    output = {
        "output_type": "display_data",
        "data": {"image/png": "AAAA"},
        "metadata": {"haidian_eval": {"kind": "picture", "id": "figure-20-1"}},
    }
    with pytest.raises(EvaluationError, match="figure-20-1 has no description in words"):
        export.with_picture("", output)


def test_every_exhibit_of_every_page_says_source_class_and_offers_its_data(ran: Ran) -> None:
    count = 0
    for path in pages(ran):
        text, stem = Text(path.parent.name), path.stem
        for anchor, content in EXHIBIT.findall(path.read_text("utf-8")):
            count += 1
            assert re.fullmatch(rf"(table|figure)-{stem[:2]}-\d+", anchor)
            assert text("exhibit.source", sources="") in content
            assert text("exhibit.data_class", classes="") in content
            assert f'download="{stem}_{anchor}.csv"' in content
            assert exhibit.DOWNLOAD not in content
    assert count == 2 * (8 + 20 + 16 + 6 + 24 + 16 + 38 + 12 + 6 + 8)


def test_download_in_the_page_is_the_file_beside_it(ran: Ran) -> None:
    for path in pages(ran):
        links = re.findall(
            r'download="([^"]+)" href="data:text/csv;base64,([^"]+)"', path.read_text("utf-8")
        )
        assert links
        for name, data in links:
            file = ran.site / "downloads" / path.parent.name / name
            assert file.read_bytes() == base64.b64decode(data)
            assert file.read_bytes().startswith(b"\xef\xbb\xbf")


def test_every_picture_is_described_in_words(ran: Ran) -> None:
    for path in pages(ran):
        for tag in re.findall(r"<img [^>]*>", path.read_text("utf-8")):
            alt = re.search(r'alt="([^"]*)"', tag)
            assert alt
            assert len(alt[1]) > 40
            assert "No description" not in alt[1]


def test_every_page_bears_foot_status_watermark_and_provenance(ran: Ran) -> None:
    manifest = json.loads((ran.site / "manifest.json").read_text("utf-8"))
    for path in pages(ran):
        content, text = path.read_text("utf-8"), Text(path.parent.name)
        assert content.count(f"<span>{text('page.watermark')}</span>") == 12
        assert f"<strong>{text('page.status_draft')}</strong>" in content
        assert f'<html lang="{text("page.html_lang")}">' in content
        box = content.partition('id="provenance"')[2]
        for name in ("run", "inputs", "parameters", "code", "lock"):
            assert f"<dd>{manifest[name]}</dd>" in box, name
        assert len(manifest["lock"]) == 64
        if text.lang == "zh":
            assert FOOT_ZH in content
    assert FOOT_ZH in (ran.site / "index.html").read_text("utf-8")


def test_pages_load_nothing_and_run_nothing(ran: Ran) -> None:
    for path in [*pages(ran), ran.site / "index.html"]:
        content = path.read_text("utf-8")
        assert "default-src 'none'" in content
        assert not re.search(r"<(script|link|iframe|object|embed)\b", content)
        assert not re.search(r'(src|srcset)="(?!data:)', content)
        assert not re.search(r"url\((?!data:)", content)
        assert not re.search(r'href="(?!#|data:|(\.\./)?(zh|en)/|[0-9]{2}_)', content)


def test_links_between_pages_lead_to_pages(ran: Ran) -> None:
    for path in [*pages(ran), ran.site / "index.html"]:
        content = path.read_text("utf-8")
        links = re.findall(r'href="((?:\.\./)?[\w/]+\.html)"', content)
        assert len(links) >= 3
        assert all((path.parent / link).resolve().is_file() for link in links)
        for anchor in re.findall(r'href="#([^"]+)"', content):
            assert f'id="{anchor}"' in content


def test_pages_hold_no_clock_and_no_path_of_the_machine(ran: Ran, root: Path) -> None:
    for path in [p for p in ran.site.rglob("*") if p.is_file() and "logs" not in p.parts]:
        content = path.read_bytes().decode("utf-8", "ignore")
        assert str(root) not in content
        assert str(ran.site) not in content
        assert not re.search(r"\d{2}:\d{2}:\d{2}", content), path


def test_embedded_font_shows_every_sign_of_its_page(ran: Ran) -> None:
    for path in [*pages(ran), ran.site / "index.html"]:
        content = path.read_text("utf-8")
        found = re.search(r"data:font/woff;base64,([^)]+)\)", content)
        assert found
        known = set(TTFont(io.BytesIO(base64.b64decode(found[1]))).getBestCmap())
        body = re.sub(r"base64,[\w+/=]+", "", content.partition("<body")[2])
        missing = {c for c in html_module.unescape(body) if ord(c) not in known and c not in "\n\t"}
        assert missing == set(), path


def test_page_sizes_stay_small(ran: Ran) -> None:
    sizes = {path.name: path.stat().st_size for path in pages(ran)}
    assert max(sizes.values()) < 1_000_000, sizes


def test_code_is_folded_and_whole(ran: Ran) -> None:
    content = (ran.site / "zh" / "20_scoring.html").read_text("utf-8")
    assert content.count('<details class="code">') == content.count("<pre><code>") >= 5
    assert "page.save(scores=alone.scores" in html_module.unescape(content)


def test_report_names_what_was_left_out_and_why_none_is_ranked(ran: Ran) -> None:
    content = (ran.site / "zh" / "90_report.html").read_text("utf-8")
    assert "2025年10月" in content
    assert "2025-12-01" in content
    assert content.count("区分度不足，不参与排序") >= 4
    assert "16个单位中11个得满分" in content
    assert "17个单位中16个得满分" in content


def test_page_of_other_parameters_is_headed_as_a_scenario(ran: Ran, scenario: Ran) -> None:
    for path in scenario.site.glob("zh/*.html"):
        assert "情景测算，非本版结果。与本版不同的设定：edition.as_of=2025-12-31" in path.read_text(
            "utf-8"
        )
    for path in pages(ran):
        assert "情景测算，非本版结果" not in path.read_text("utf-8").partition("<main")[0]
    content = (scenario.site / "zh" / "20_scoring.html").read_text("utf-8")
    assert "2025年10月：17个单位中17个得满分" in content


def test_rank_by_score_is_shown_only_where_the_indicator_can_rank() -> None:
    units = pd.DataFrame(
        {
            "unit_id": ["g", "u", "v"],
            "name_zh": ["组", "甲", "乙"],
            "name_en": ["g", "u", "v"],
            "source_id": ["S1", "S1", "S1"],
        }
    )
    scores = pd.DataFrame(
        {
            "unit_id": ["v", "u"],
            "peer_group": ["g", "g"],
            "value": [1.0, 2.0],
            "score": [90.0, 80.0],
            "score_rank": pd.array([1, 2], dtype="Int64"),
            "level_rank": pd.array([1, 2], dtype="Int64"),
            "rank_best": pd.array([1, 2], dtype="Int64"),
            "rank_worst": pd.array([1, 2], dtype="Int64"),
            "source_id": ["S1", "S1"],
        }
    )
    own = leaf.Leaf("a", "甲", "克", "", "step", "", "cost", 10.0, "R01")
    shown = views.month(views.Alone(scores, pd.DataFrame()), units, own, Text("zh"))
    assert shown["unit_name"].tolist() == ["甲", "乙"]
    assert shown["score_rank"].tolist() == [2, 1]
    unranked = scores.assign(score_rank=pd.array([pd.NA, pd.NA], dtype="Int64"))
    shown = views.month(views.Alone(unranked, pd.DataFrame()), units, own, Text("zh"))
    assert "score_rank" not in shown


def test_defects_reach_the_page_in_words() -> None:
    from haidian_eval.tables import Defects

    defects = Defects()
    defects.add("number", "values.csv", severity="excluded", row=3, column="value", found="x")
    actual = annex.defects(defects.frame, Text("zh")).iloc[0]
    assert actual["rule"] == "应为数字"
    assert actual["severity"] == "该行未计入"
    assert actual["hint"] == "填写普通数字，如 12.5"


def parts(edition: Path, *sets: str) -> tuple[Any, list[leaf.Leaf], scoring.Alone]:
    """The units, indicators in words and scores of an edition."""
    params = load_params(edition, sets)
    read = tables.read_edition(edition, strict=True, params=params).tables
    framework = scoring.framework_of(read["indicators"], read["points"], params.scoring)
    share = params.scoring.full_marks_share
    units = tables.assessed_units(read["units"], params)
    alone = scoring.score_alone(read["values"], framework, units, full_marks_share=share)
    return read["units"], leaf.read_leaves(framework, Text("zh")), alone


def test_scenario_rule_is_said_in_its_own_words_and_not_with_the_tables_source(
    edition: Path,
) -> None:
    units, (dust,), alone = parts(edition, "scoring.rule=minmax")
    assert "按当期各单位的最高值与最低值线性折算" in dust.standard
    assert dust.source_id == "F01"
    assert leaf.line_words(dust, Text("zh")) == ""
    table = tables.read_edition(edition).tables["points"]
    assert len(table) == 2
    assert views.points(table, [dust], Text("zh")).empty
    _, part = next(views.by_month(alone, [dust]))
    words = views.month_words(part, dust, Text("zh"))
    assert "得分取决于各单位的相对高低" in str(words["rounding"])
    shown = views.month(part, units, dust, Text("zh"))
    assert not shown["source_id"].str.contains("R01").any()


def test_unknown_rounding_is_said_and_no_interval_is_shown(edition: Path) -> None:
    path = edition / "values.csv"
    path.write_text(path.read_text("utf-8").replace(",0.05,", ",,"), "utf-8")
    units, (dust,), alone = parts(edition)
    _, part = next(views.by_month(alone, [dust]))
    words = views.month_words(part, dust, Text("zh"))
    assert words["rounding"] == "公布值的取整误差未知，不列区间。"
    assert "level_range" not in views.month(part, units, dust, Text("zh"))


def test_sources_of_names_and_groups_are_cited_with_the_values(edition: Path) -> None:
    units, (dust,), alone = parts(edition)
    _, part = next(views.by_month(alone, [dust]))
    shown = views.month(part, units, dust, Text("zh")).set_index("unit_name")["source_id"]
    assert shown["海淀区"] == "C01;F01;R01;S37;S39"
    assert shown["北京经济技术开发区"] == "C01;S39"


def test_units_without_a_group_and_indicators_without_a_value_are_kept(edition: Path) -> None:
    path = edition / "units.csv"
    path.write_text(path.read_text("utf-8").replace("110000,central,海淀", "110000,,海淀"), "utf-8")
    path = edition / "indicators.csv"
    row = next(line for line in path.read_text("utf-8").splitlines() if "road_dust" in line)
    other = row.replace("road_dust_residue", "other").replace("道路尘土残存量", "另一指标")
    path.write_text(path.read_text("utf-8") + other.replace("piecewise", "step") + "\n", "utf-8")
    points = edition / "points.csv"
    more = "environment,other,10,100,R01\nenvironment,other,70,0,R01\n"
    points.write_text(points.read_text("utf-8") + more, "utf-8")
    units, leaves, alone = parts(edition)
    assert [one.id for one in leaves] == ["road_dust_residue", "other"]
    assert [one.id for one in views.scored(alone, leaves)] == ["road_dust_residue"]
    found = views.findings(alone, leaves, units, 0.5, Text("zh"))
    assert "另一指标，没有计入的数值，不计分。" in found
    shown = views.overview(alone, leaves[0], units, Text("zh")).set_index("unit_name")
    assert shown.loc["海淀区", "group"] == "—"
    assert len(shown) == 17


def test_findings_from_synthetic_rows_are_headed_as_a_demonstration(shown) -> None:
    opened, outputs = shown
    opened.say("finding", of=frame(source_id=["S1"]), findings="- x")
    opened.say("finding", of=frame(source_id=["S1;SYN"]), findings="- x")
    texts = [output["data"]["text/markdown"] for output in outputs]
    assert ["方法演示，不构成" in text for text in texts] == [False, True]


def test_numbers_show_the_decimals_that_they_have() -> None:
    assert exhibit.decimals([8.1, 6.0, float("nan")]) == 1
    assert exhibit.decimals([0.0081, 12.0]) == 4
    assert exhibit.show(1e7, None) == "10000000"
    assert exhibit.show(0.5, None) == "0.5"
    assert exhibit.show(-1234.5678, None) == "-1234.57"
    assert exhibit.show(0.0, None) == "0"


def test_decimals_follow_from_the_name_of_a_column() -> None:
    rows = pd.DataFrame(
        {"value": [8.1, float("nan")], "best_other": [7.0, 6.25], "value@2023-11": [1.0, 2.0],
         "score": [1.0, 2.0], "base": ["—", "1.5"], "highest_value": [1.5, 2.5]}
    )  # fmt: skip
    assert exhibit.digits(rows) == {"value": 2, "best_other": 2, "value@2023-11": 0, "score": 2}


def test_addresses_in_words_become_no_links(shown) -> None:
    opened, outputs = shown
    opened.say("rule", name="https://example.org", unit="x", standard="y")
    assert "https&#58;//example.org" in outputs[0]["data"]["text/markdown"]


def test_method_demonstration_is_headed_and_said_in_the_download() -> None:
    demo = exhibit.Exhibit(
        "table", "22-1", "题目", "", frame(), SOURCES, Text("zh"), method_only=True
    )
    assert "方法演示，不构成对任何单位或政策的评价" in exhibit.html(demo, "table")
    assert exhibit.csv_text(demo).splitlines()[1].endswith("官方数据、方法演示")


def test_printed_numbers_are_shown_as_printed() -> None:
    assert exhibit.exact(73555170.0) == "73,555,170"
    assert exhibit.exact(-4.8) == "−4.8"
    assert exhibit.exact(float("nan")) == "—"


def test_columns_are_set_by_what_they_hold() -> None:
    long = "一" * 20
    assert exhibit.column_class(pd.Series([1.0]), "x") == "number"
    assert exhibit.column_class(pd.Series(["海淀区"]), "x") == "short"
    assert exhibit.column_class(pd.Series(["海淀区", long]), "x") == "long"
    assert exhibit.column_class(pd.Series(["5–9"]), "level_range") == "number"
    assert exhibit.label("short@2023-11", Text("zh")) == "2023-11"


def test_age_of_a_series_counts_from_the_end_of_its_last_period() -> None:
    from haidian_eval.tables.series import month_number

    ages = {"2024": 6, "2024Q1": 15, "2023-05": 25, "2023-01..05": 25, "2025": -6}
    for period, months in ages.items():
        assert month_number("2025-06") - month_number(period) == months


def test_cards_of_the_report_say_month_interval_and_vintage(ran: Ran) -> None:
    content = (ran.site / "zh" / "90_report.html").read_text("utf-8")
    cards = content.partition('<div class="cards">')[2].partition("<figcaption")[0]
    assert "第16 / 17" in cards
    assert "海淀区道路尘负荷，2023年1月" in cards
    assert "单月数据，不称短板" in cards
    assert "初步核算数（第五次经济普查后），同版本计算" in cards


def test_many_sources_are_cited_by_number_and_dates_keep_their_hyphens() -> None:
    many = [f"S{n}" for n in range(1, exhibit.MANY + 2)]
    sources = pd.DataFrame(
        {"source_id": many, "kind": "official", "title": "表", "publisher": "局"}
    ).set_index("source_id")
    rows = pd.DataFrame(
        {"unit_name": ["甲"], "against": ["2026-01-12"], "other": ["-5"], "_row": ["values.csv:3"],
         "source_id": [";".join(many)]}
    )  # fmt: skip
    made = exhibit.Exhibit("table", "1-1", "题", "", rows, sources, Text("zh"))
    actual = exhibit.html(made, "table")
    assert "[S1]" not in actual
    assert "S1、S2" in actual
    assert "2026-01-12" in actual
    assert "−5" in actual
    assert "values.csv" not in actual
    assert "values.csv:3" in exhibit.csv_text(made)
