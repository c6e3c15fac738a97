"""Studies: from a file to trained networks, evaluations and a report."""

from typing import TYPE_CHECKING, Any

from robustkd.lazy import exported

if TYPE_CHECKING:
    from robustkd.studies.compare import Difference, compare_runs
    from robustkd.studies.evaluate_models import SUITES, evaluate
    from robustkd.studies.evaluated import Evaluated
    from robustkd.studies.execute import Execution, run_study
    from robustkd.studies.study import Study
    from robustkd.studies.study_file import load_study

_HOMES = {
    "robustkd.studies.compare": (
        "Difference",
        "compare_runs",
    ),
    "robustkd.studies.evaluate_models": (
        "SUITES",
        "evaluate",
    ),
    "robustkd.studies.evaluated": ("Evaluated",),
    "robustkd.studies.execute": (
        "Execution",
        "run_study",
    ),
    "robustkd.studies.study": ("Study",),
    "robustkd.studies.study_file": ("load_study",),
}

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


def __getattr__(name: str) -> Any:
    """Import a name when it is first used, so that what needs no torch does not wait for it."""
    return exported(__name__, _HOMES, name)
