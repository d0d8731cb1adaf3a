"""Synthetic tables (模拟数据): example units, values, a park panel, and the truth behind them."""

from haidian_eval.synthetic.edition import Synthetic, generate
from haidian_eval.synthetic.files import write_synthetic
from haidian_eval.synthetic.panel import Drawn, park_panel
from haidian_eval.synthetic.values import plan

__all__ = ["Drawn", "Synthetic", "generate", "park_panel", "plan", "write_synthetic"]
