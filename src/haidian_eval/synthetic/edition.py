"""The synthetic tables of an edition: those of its parameters, with the sources that they cite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from haidian_eval.params import PanelChoice, Params, Words
from haidian_eval.params import Synthetic as Chosen
from haidian_eval.synthetic.comments import voices
from haidian_eval.synthetic.hotline import draw_tickets
from haidian_eval.synthetic.marks import MARK, stream
from haidian_eval.synthetic.panel import park_panel
from haidian_eval.synthetic.parks import example_policy, park_units
from haidian_eval.synthetic.participation import draw_participation
from haidian_eval.synthetic.survey import draw_survey
from haidian_eval.synthetic.told import Told, declared
from haidian_eval.synthetic.values import VALUES, draw_values, ids, plan
from haidian_eval.tables.contracts import contracts

# Tables of what was asked, reported and proposed, by the name of their parameters.
VOICES: Mapping[str, Callable[[Any, int], Told]] = {
    "survey": draw_survey, "hotline": draw_tickets, "participation": draw_participation,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Synthetic:
    """Made-up tables and what they were made from.

    tables: sources, units and values, policies and panel, surveys, tickets and events, as an
    edition has them. truth: unit_id, indicator_id, period, value before sampling, rounding and
    gaps, in the unit of the values. quality: unit_id, quality (standard normal, higher is better).
    effects: the truth of the panel, as in `Drawn`; no rows without a panel. opinion: the truth of
    each of VOICES by its name. meant: document, segment, theme, polarity of texts.
    """

    tables: Mapping[str, pd.DataFrame]
    truth: pd.DataFrame
    quality: pd.DataFrame
    effects: pd.DataFrame
    opinion: Mapping[str, pd.DataFrame]
    meant: pd.DataFrame


def generate(indicators: pd.DataFrame, params: Params) -> Synthetic:
    """Return the synthetic tables for those schemes of the plan that the edition has."""
    chosen = params.synthetic
    quality = {
        kind: stream(chosen.seed, kind).standard_normal(group.count)
        for kind, group in plan().units.items()
    }
    long = draw_values(indicators, params, quality)
    truth = long[[*VALUES[:3], "truth"]].rename(columns={"truth": "value"})
    values = long.loc[~long["gap"].astype(bool), VALUES]
    by_unit = [pd.DataFrame({"unit_id": ids(kind), "quality": q}) for kind, q in quality.items()]
    tables = {"sources": sources(chosen), "units": units(chosen.panel), "values": values}
    effects = pd.DataFrame(columns=["unit_id", "period", "outcome", "effect"])
    if chosen.panel:
        drawn = park_panel(chosen.panel, chosen.seed)
        tables |= {"policies": example_policy(chosen.panel), "panel": drawn.panel}
        effects = drawn.truth
    drawing = {name: draw for name, draw in VOICES.items() if getattr(chosen, name)}
    heard = {name: draw(getattr(chosen, name), chosen.seed) for name, draw in drawing.items()}
    for own in heard.values():
        tables |= own.tables
    opinion = {name: own.truth for name, own in heard.items()}
    meant = pd.DataFrame(columns=["document", "segment", "theme", "polarity"])
    if chosen.comments:
        said = voices(chosen.comments, chosen.seed, chosen.year or params.edition.year)
        tables |= {"comments": said.comments, "interviews": said.interviews}
        meant = said.truth
    by_quality = pd.concat(by_unit, ignore_index=True)
    return Synthetic(tables, truth, by_quality, effects, opinion, meant)


def units(panel: PanelChoice | None) -> pd.DataFrame:
    """Return the example units and their peer groups; no name or id of a real one is used."""
    rows = []
    for kind, group in plan().units.items():
        for letter in "ABCDEFGH"[: group.groups]:
            name = {"name_zh": f"示例组{letter}", "name_en": f"Example group {letter}"}
            rows.append({"unit_id": f"{MARK}G{letter}", "unit_type": "peer_group", **name})
        above = ids(group.under) if group.under else [""]
        for place, unit in enumerate(ids(kind)):
            number = unit.removeprefix(f"{MARK}{group.prefix}")
            peers = f"{MARK}G{'ABCDEFGH'[place * group.groups // group.count]}"
            rows.append({
                "unit_id": unit, "unit_type": kind, "name_zh": f"{group.zh}{number}",
                "name_en": f"{group.en} {number}", "parent_id": above[place % len(above)],
                "peer_group": peers if group.groups else "",
            })  # fmt: skip
    parts = [pd.DataFrame(rows, columns=contracts()["units"].needed)]
    parts += [park_units(panel)] if panel else []
    return pd.concat(parts, ignore_index=True).assign(source_id=f"{MARK}U1")


def sources(chosen: Chosen) -> pd.DataFrame:
    """Return the sources that the synthetic rows cite: units, each scheme, policy and panel."""
    named = {f"{MARK}U1": ("units", Words(zh="示例单位", en="Example units"))}
    named |= {
        f"{MARK}V{place}": ("values", Words(zh=scheme.zh, en=scheme.en))
        for place, scheme in enumerate(plan().schemes.values(), 1)
    }
    if chosen.panel:
        named[f"{MARK}D1"] = "policies", Words(zh="示例政策", en="Example policy")
        named[f"{MARK}E1"] = (
            "panel",
            Words(zh="示例园区企业面板", en="Panel of firms in example parks"),
        )
    for voice in (name for name in VOICES if getattr(chosen, name)):
        own = declared(voice)["source"]
        named[own["source_id"]] = own["table"], Words(zh=own["zh"], en=own["en"])
    if chosen.comments:
        named[f"{MARK}O1"] = "comments", Words(zh="示例意见与留言", en="Example comments")
        named[f"{MARK}O2"] = "interviews", Words(zh="示例访谈记录", en="Example interviews")
    rows = [
        {
            "source_id": name, "table": table, "kind": "synthetic", "licence": "MIT",
            "title": f"模拟数据：{words.zh}", "title_en": f"Synthetic data: {words.en}",
            "publisher": "本研究", "publisher_en": "this study",
            "reference": f"haidian-eval synth, seed {chosen.seed}",
            "note": "模拟数据，由程序生成，不反映任何单位的实际情况",
            "note_en": "Synthetic, made by a program; says nothing of any real unit",
        }
        for name, (table, words) in named.items()
    ]  # fmt: skip
    columns = [*contracts()["sources"].needed, "title_en", "publisher_en", "note_en"]
    return pd.DataFrame(rows, columns=columns)
