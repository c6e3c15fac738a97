"""Tables, figures and the page, from the files of a run alone."""

from robustkd.reporting.report import Report, build_report, compose

__all__ = ["Report", "build_report", "compose"]
