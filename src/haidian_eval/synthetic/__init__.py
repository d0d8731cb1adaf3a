"""Synthetic tables (模拟数据): example units and values, with the truth behind them."""

from haidian_eval.synthetic.files import write_synthetic
from haidian_eval.synthetic.values import Synthetic, generate, plan

__all__ = ["Synthetic", "generate", "plan", "write_synthetic"]
