"""The questions asked of trained models, one file each."""

from robustkd.evaluations.evaluation import EVALUATIONS, Evaluation, Metric, Requirements
from robustkd.evaluations.records import Check, Records
from robustkd.evaluations.results import Result, load_results, measure

__all__ = [
    "EVALUATIONS",
    "Check",
    "Evaluation",
    "Metric",
    "Records",
    "Requirements",
    "Result",
    "load_results",
    "measure",
]
