"""The questions asked of trained models, one file each."""

from robustkd.evaluations.evaluation import EVALUATIONS, Evaluation, Metric, Requirements
from robustkd.evaluations.records import Check, Records
from robustkd.evaluations.results import PartResult, Result, collect, load_results, measure, slices

__all__ = [
    "EVALUATIONS",
    "Check",
    "Evaluation",
    "Metric",
    "PartResult",
    "Records",
    "Requirements",
    "Result",
    "collect",
    "load_results",
    "measure",
    "slices",
]
