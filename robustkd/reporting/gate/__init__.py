"""Requirements on the numbers of a run, for continuous integration."""

from robustkd.reporting.gate.judge import Verdict, judge
from robustkd.reporting.gate.requirement import Requirement, parsed_requirement
from robustkd.reporting.gate.requirements_file import load_requirements

__all__ = ["Requirement", "Verdict", "judge", "load_requirements", "parsed_requirement"]
