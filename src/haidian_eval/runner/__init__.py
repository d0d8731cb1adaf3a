"""Run the stages of a study and publish their pages."""

from haidian_eval.runner.run import Outcome, run
from haidian_eval.runner.stages import Stage, choose, read_stages

__all__ = ["Outcome", "Stage", "choose", "read_stages", "run"]
