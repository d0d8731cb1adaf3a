"""How often the rule says what: verdicts on made-up park panels with and without an effect.

`python tests/effect_verdicts.py [--panels 100]` prints a line per case. Panels are those of
`[synthetic.panel]` with other effects and faults; the plan is the shipped one, with fewer draws and
without what decides nothing.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from haidian_eval.effect.assessment import assess
from haidian_eval.effect.verdict import VERDICTS
from haidian_eval.params import PanelChoice, load_params
from haidian_eval.synthetic import park_panel

EDITION = Path(__file__).resolve().parents[1] / "data" / "raw" / "2024"
NONE = {"effect": 0.0, "growth": 0.0, "rd_effect": 0.0}
FLAT = NONE | {"effect": 0.1}
FOUR = {"parks": 12, "tracked": 4, "cohorts": [{"adopted_in": "2023Q2", "parks": 4}]}
CASES: dict[str, dict[str, Any]] = {
    "no effect": NONE,
    "no effect, 12 parks, 4 adopt at once": NONE | FOUR,
    "no effect, trend of 0.01 a quarter": NONE | {"pre_trend": 0.01},
    "no effect, restless parks": NONE | {"park_sd": 0.05, "park_rho": 0.8},
    "effect 0.03": NONE | {"effect": 0.03},
    "effect 0.10": FLAT,
    "effect 0.10, 12 parks, 4 adopt at once": FLAT | FOUR,
    "effect 0.10, half as large elsewhere": FLAT | {"spillover": 0.5},
    "effect 0.10, two quarters early": FLAT | {"anticipation": 2},
    "effect -0.10": NONE | {"effect": -0.1},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--panels", type=int, default=100)
    given = parser.parse_args()
    params = load_params(EDITION)
    fewer = {"null_panels": 1, "null_draws": 19, "draws": 499, "exploratory": ()}
    plan, own = params.effect.model_copy(update=fewer), params.synthetic.panel
    assert own is not None
    for name, changes in CASES.items():
        chosen = PanelChoice.model_validate(own.model_dump() | changes)
        found = Counter(assess(park_panel(chosen, seed).panel, plan).verdict.key
                        for seed in range(given.panels))  # fmt: skip
        shares = "  ".join(f"{key} {100 * found[key] / given.panels:5.1f}" for key in VERDICTS)
        print(f"{name:40} {shares}", flush=True)


if __name__ == "__main__":
    main()
