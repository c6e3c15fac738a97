"""Executors: where the trainings of a study run."""

from robustkd.studies.executors.executor import Executor, Outcome, Progressed
from robustkd.studies.executors.in_process import InProcess
from robustkd.studies.executors.processes import Processes

__all__ = ["Executor", "InProcess", "Outcome", "Processes", "Progressed"]
