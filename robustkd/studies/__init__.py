"""Studies: from a file to trained networks, evaluations and a report."""

from robustkd.studies.compare import Difference, compare_runs
from robustkd.studies.evaluate import SUITES, evaluate
from robustkd.studies.evaluated import Evaluated
from robustkd.studies.execute import Execution, run_study
from robustkd.studies.study import Study
from robustkd.studies.study_file import load_study

__all__ = [
    "SUITES",
    "Difference",
    "Evaluated",
    "Execution",
    "Study",
    "compare_runs",
    "evaluate",
    "load_study",
    "run_study",
]
