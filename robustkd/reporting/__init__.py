"""Reports: tables, figures and the page, made only from the files of a run."""

from robustkd.reporting.build import build_report
from robustkd.reporting.compose import compose
from robustkd.reporting.report import Report

__all__ = ["Report", "build_report", "compose"]
