"""Synthetic tables (模拟数据): example units, values, a park panel, surveys, and their truth."""

from haidian_eval.synthetic.edition import Synthetic, generate
from haidian_eval.synthetic.files import write_synthetic
from haidian_eval.synthetic.hotline import draw_tickets
from haidian_eval.synthetic.panel import Drawn, park_panel
from haidian_eval.synthetic.participation import draw_participation
from haidian_eval.synthetic.population import Population, known
from haidian_eval.synthetic.survey import draw_survey, take
from haidian_eval.synthetic.told import Told
from haidian_eval.synthetic.values import plan

__all__ = [
    "Drawn", "Population", "Synthetic", "Told", "draw_participation", "draw_survey", "draw_tickets",
    "generate", "known", "park_panel", "plan", "take", "write_synthetic",
]  # fmt: skip
