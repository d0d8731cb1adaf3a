"""The park panel: what was planted is found again, and every choice does what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from pandas.testing import assert_frame_equal
from study_runs import ROOT

from haidian_eval import tables
from haidian_eval.__main__ import main
from haidian_eval.errors import ParameterError
from haidian_eval.params import PanelChoice, load_params
from haidian_eval.synthetic import Drawn, generate, park_panel

SHIPPED = ROOT / "data" / "raw" / "2024"
LOGS = ["revenue_fen", "rd_fen", "employees"]
REPORTED = [*LOGS, "patents", "applications"]
STEP = "2023Q3"
HALF = {"cohorts": [{"adopted_in": STEP, "parks": 7}]}  # seven of fourteen, half of the quarters
STILL: dict[str, Any] = {"park_sd": 0, "firm_sd": 0}  # no errors: only what is common and planted


def chosen(**choices: Any) -> PanelChoice:
    return PanelChoice.model_validate(choices)


def effects(drawn: Drawn, outcome: str = "revenue_fen") -> pd.DataFrame:
    """True effect, park x period."""
    park = drawn.panel.drop_duplicates("unit_id").set_index("unit_id")["park_id"]
    own = drawn.truth[drawn.truth["outcome"] == outcome]
    return own.assign(park_id=own["unit_id"].map(park)).pivot_table(
        index="park_id", columns="period", values="effect"
    )


def logs(drawn: Drawn, outcome: str = "revenue_fen") -> pd.DataFrame:
    """Mean logarithm, park x period."""
    own = drawn.panel.assign(log=np.log(drawn.panel[outcome].astype("float64")))
    return own.pivot_table(index="park_id", columns="period", values="log")


def difference(wide: pd.DataFrame, treated: int = 7, step: str = STEP) -> float:
    """Difference in differences of means: first parks against others, from a period on."""
    after = wide.columns >= step
    change = wide.loc[:, after].mean(axis=1) - wide.loc[:, ~after].mean(axis=1)
    return float(change.iloc[:treated].mean() - change.iloc[treated:].mean())


def shipped_choice() -> tuple[PanelChoice, int]:
    own = load_params(SHIPPED).synthetic
    assert own.panel is not None
    return own.panel, own.seed


@pytest.mark.parametrize("outcome", LOGS)
def test_differences_in_means_find_what_was_planted(outcome: str) -> None:
    draws = [park_panel(chosen(**HALF), seed) for seed in range(60)]
    found = np.array([difference(logs(drawn, outcome)) for drawn in draws])
    # revenue: 0.08, 0.09, 0.10, 0.11, 0.12, 0.12 over six quarters
    planted = {"revenue_fen": 0.62 / 6, "rd_fen": 0.05, "employees": 0.0}[outcome]
    assert difference(effects(draws[0], outcome)) == pytest.approx(planted)
    assert abs(found.mean() - planted) < 4 * found.std(ddof=1) / np.sqrt(len(found))
    assert found.std(ddof=1) < 0.02  # one panel is enough to see the effect on revenue


def test_staggered_adoption_against_never_adopters_finds_the_truth() -> None:
    found, planted = [], []
    for seed in range(60):
        drawn = park_panel(chosen(), seed)
        wide, true = logs(drawn), effects(drawn)
        for step, rows in (("2022Q2", [0]), ("2023Q1", [1, 2, 3]), ("2023Q3", [4, 5, 6])):
            some = [*rows, *range(7, 14)]
            found.append(difference(wide.iloc[some], len(rows), step))
            planted.append(difference(true.iloc[some], len(rows), step))
    gap = (np.array(found) - planted).reshape(60, 3).mean(axis=1)
    assert abs(gap.mean()) < 4 * gap.std(ddof=1) / np.sqrt(60)


def test_revenue_effect_grows_by_a_hundredth_up_to_its_largest() -> None:
    path = effects(park_panel(chosen(), 1)).iloc[1]  # adopts in 2023Q1
    expected = [0, 0, 0, 0, 0.08, 0.09, 0.10, 0.11, 0.12, 0.12, 0.12, 0.12]
    assert path.to_list() == pytest.approx(expected)
    lasting = effects(park_panel(chosen(effect=-0.2, growth=0, largest=0.2), 1)).iloc[1]
    assert lasting.to_list() == pytest.approx([0] * 4 + [-0.2] * 8)


def test_shipped_panel_is_staggered_and_tracking_is_not() -> None:
    panel = park_panel(*shipped_choice()).panel
    parks = panel.drop_duplicates("park_id").set_index("park_id")
    assert parks["adopted_in"].value_counts(dropna=False).to_dict() == {
        "2022Q2": 1, "2023Q1": 3, "2023Q3": 3, np.nan: 7,
    }  # fmt: skip
    tracked = parks["tracked_in"].notna()
    assert set(parks.loc[tracked, "tracked_in"]) == {"2022Q1"}
    assert (tracked.sum(), (tracked & parks["adopted_in"].notna()).sum()) == (10, 7)
    first = panel[panel["adopted_in"] == "2022Q2"]
    assert sorted(set(first.loc[first["period"] < "2022Q2", "period"])) == ["2022Q1"]
    assert panel.drop_duplicates("unit_id")["eligible"].eq("yes").mean() == pytest.approx(
        0.6, abs=0.14  # 210 firms: four standard deviations
    )  # fmt: skip


def test_shipped_table_reads_as_it_was_drawn(whole_edition: Path) -> None:
    read = tables.read_edition(whole_edition, strict=True)
    drawn = park_panel(*shipped_choice()).panel
    assert_frame_equal(read.tables["panel"][list(drawn)], drawn)
    made = generate(read.tables["indicators"], load_params(whole_edition))
    assert_frame_equal(made.tables["panel"], drawn)
    assert_frame_equal(made.effects, park_panel(*shipped_choice()).truth)
    assert set(drawn["policy_id"]) == {"SYN-P01"}
    policy = read.tables["policies"].set_index("policy_id").loc["SYN-P01"]
    assert (policy["issued"], policy["title"]) == ("2022-04-01", "示例政策01")


def test_panel_takes_nobodys_id() -> None:
    panel = park_panel(*shipped_choice()).panel
    for name, start in (("unit_id", "SYN-ENT"), ("park_id", "SYN-PARK"), ("policy_id", "SYN-P")):
        assert panel[name].str.startswith(start).all()
    assert panel["unit_id"].nunique() == 210
    assert not panel["unit_id"].isin(tables.read_edition(SHIPPED).tables["units"]["unit_id"]).any()


def test_the_seed_decides() -> None:
    one, again, other = (park_panel(chosen(), seed) for seed in (5, 5, 6))
    assert_frame_equal(one.panel, again.panel)
    assert_frame_equal(one.truth, again.truth)
    assert_frame_equal(one.truth, other.truth)  # what is planted is no matter of chance
    assert not one.panel["revenue_fen"].equals(other.panel["revenue_fen"])


def test_one_choice_leaves_what_others_draw() -> None:
    plain, spoilt = (
        park_panel(c, 3).panel for c in (chosen(), chosen(missing_share=0.3, effect=0, growth=0))
    )
    same = [name for name in plain if name not in ("revenue_fen", *REPORTED)]
    assert_frame_equal(plain[same], spoilt[same])
    there = spoilt["rd_fen"].notna()
    assert_frame_equal(plain.loc[there, REPORTED[1:]], spoilt.loc[there, REPORTED[1:]])
    more = park_panel(chosen(parks=20), 3).panel
    assert plain["revenue_fen"].equals(more["revenue_fen"].iloc[: len(plain)])


def test_missing_share_blanks_all_that_the_firm_reports() -> None:
    panel = park_panel(chosen(missing_share=0.1), 2).panel
    blank = panel[REPORTED].isna()
    assert (blank.any(axis=1) == blank.all(axis=1)).all()
    assert blank["patents"].mean() == pytest.approx(0.1, abs=0.024)  # 2,520 rows: four sd
    assert panel.drop(columns=[*REPORTED, "adopted_in", "tracked_in"]).notna().all(axis=None)


def test_a_missing_quarter_has_no_rows_and_keeps_its_truth() -> None:
    gap = {"park": 9, "period": "2023Q2"}
    drawn, whole = (park_panel(chosen(missing_quarters=gaps), 2) for gaps in ([gap], []))
    gone = whole.panel["park_id"].eq("SYN-PARK09") & whole.panel["period"].eq("2023Q2")
    assert gone.sum() == 15
    assert_frame_equal(drawn.panel, whole.panel[~gone].reset_index(drop=True))
    assert_frame_equal(drawn.truth, whole.truth)


def test_anticipation_begins_early() -> None:
    early = effects(park_panel(chosen(**HALF, anticipation=2), 1))
    assert early.iloc[0].to_list() == pytest.approx(
        [0, 0, 0, 0, 0.08, 0.09, 0.10, 0.11, 0.12, 0.12, 0.12, 0.12]
    )
    panel = park_panel(chosen(**HALF, anticipation=2), 1).panel
    assert panel.loc[panel["period"] < STEP, "applications"].sum() == 0


def test_pre_trend_parts_adopters_from_others_and_is_no_effect() -> None:
    plain, trend = (park_panel(chosen(**HALF, pre_trend=slope), 1) for slope in (0, 0.02))
    assert_frame_equal(plain.truth, trend.truth)
    apart = logs(trend) - logs(plain)
    assert np.allclose(apart.iloc[:7], 0.02 * np.arange(12), atol=1e-3)
    assert np.allclose(apart.iloc[7:], 0)


def test_spill_over_reaches_parks_that_never_adopt() -> None:
    drawn = park_panel(chosen(**HALF, **STILL, spillover=0.5), 1)
    true = effects(drawn)
    assert np.allclose(true.iloc[7:], 0.5 * true.iloc[0])
    # without errors the comparison of means sees what is left: half of the effect
    assert difference(logs(drawn)) == pytest.approx(0.5 * 0.62 / 6, abs=1e-3)
    none = park_panel(chosen(cohorts=[], spillover=0.5), 1)
    assert (none.truth["effect"] == 0).all() and none.panel["adopted_in"].isna().all()


@pytest.mark.parametrize(
    ("choice", "rho"),
    [
        ({"park_sd": 0.1, "park_rho": 0.4, "firm_sd": 0}, 0.4),
        ({"park_sd": 0, "firm_sd": 0.1, "firm_rho": -0.5}, -0.5),
    ],
)
def test_errors_have_the_spread_and_memory_that_were_asked(
    choice: dict[str, float], rho: float
) -> None:
    alike: dict[str, Any] = {"parks": 400, "firms_per_park": 1, "cohorts": []}
    calm = logs(park_panel(chosen(**alike, **STILL), 1))
    errors = (logs(park_panel(chosen(**alike, **choice), 1)) - calm).to_numpy()
    assert errors.std() == pytest.approx(0.1, abs=0.006)  # 4,800 errors, about five sd
    memory = (errors[:, 1:] * errors[:, :-1]).sum() / (errors[:, :-1] ** 2).sum()
    assert memory == pytest.approx(rho, abs=0.06)


@pytest.mark.parametrize(
    ("parks", "firms", "quarters", "treated"), [(12, 1, 8, 4), (200, 3, 4, 50), (1, 1, 1, 0)]
)
def test_other_shapes(parks: int, firms: int, quarters: int, treated: int) -> None:
    cohorts = [{"adopted_in": "2021Q2", "parks": treated}] if treated else []
    own = chosen(
        parks=parks, firms_per_park=firms, quarters=quarters, first="2020Q3", cohorts=cohorts
    )
    drawn = park_panel(own, 1)
    assert len(drawn.panel) == parks * firms * quarters
    assert len(drawn.truth) == len(LOGS) * len(drawn.panel)
    assert not drawn.panel.duplicated(["unit_id", "period"]).any()
    assert drawn.panel["unit_id"].is_monotonic_increasing
    assert drawn.panel.loc[drawn.panel["adopted_in"].notna(), "park_id"].nunique() == treated
    tables.schema(tables.contracts()["panel"]).validate(drawn.panel)
    assert drawn.panel["period"].iloc[0] == "2020Q3"


def test_a_park_treated_all_the_time_and_one_not_yet() -> None:
    cohorts = [{"adopted_in": "2019Q1", "parks": 1}, {"adopted_in": "2030Q1", "parks": 1}]
    true = effects(park_panel(chosen(cohorts=cohorts), 1))
    assert np.allclose(true.iloc[0], 0.12) and np.allclose(true.iloc[1:], 0)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"parks": 5}, r"7 parks adopt, but parks = 5; raise `parks`"),
        ({"effect": 0.3}, r"largest = 0.12 would cut effect = 0.3; raise `largest`"),
        ({"missing_quarters": [{"park": 15, "period": "2023Q1"}]}, "park 15 in 2023Q1, outside"),
        ({"missing_quarters": [{"park": 1, "period": "2025Q1"}]}, "park 1 in 2025Q1, outside"),
    ],
)
def test_an_impossible_panel_is_refused(choices: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        park_panel(chosen(**choices), 1)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("synthetic.panel.park=3", "'synthetic.panel.park' is not known.*did you mean 'parks'"),
        ("synthetic.panel.first=2022", "'synthetic.panel.first' = '?2022"),
        (
            "synthetic.panel.cohorts=[{parks=1}]",
            "'synthetic.panel.cohorts.0.adopted_in' is missing",
        ),
    ],
)
def test_a_wrong_choice_is_refused_by_name(setting: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        load_params(SHIPPED, [setting])


def test_an_edition_without_the_choice_has_no_panel(whole_edition: Path) -> None:
    path = whole_edition / "parameters.toml"
    head, _, rest = path.read_text("utf-8").partition("[synthetic.panel]")
    path.write_text(head + rest[rest.index("\n[report]") :], "utf-8")
    indicators = tables.read_edition(whole_edition).tables["indicators"]
    made = generate(indicators, load_params(whole_edition))
    assert list(made.tables) == ["sources", "units", "values"] and made.effects.empty
    assert "park" not in set(made.tables["units"]["unit_type"])


def test_new_edition_names_the_panel_and_draws_its_own(whole_edition: Path) -> None:
    data = ["--data", str(whole_edition.parent)]
    result = CliRunner().invoke(main, ["new-edition", "2025", "--from", "2024", *data])
    assert result.exit_code == 0, result.output
    lines = [line for line in result.output.splitlines() if line.startswith("panel (")]
    assert ["synthetic" in line for line in lines] == [True]
    later = whole_edition.with_name("2025")
    assert (later / "policies" / "synthetic.csv").is_file() and not (later / "panel").exists()
    drawn = CliRunner().invoke(main, ["synth", "2025", *data])
    assert drawn.exit_code == 0, drawn.output
    own, old = (folder / "panel" / "synthetic.csv" for folder in (later, whole_edition))
    assert own.read_bytes() == old.read_bytes()
