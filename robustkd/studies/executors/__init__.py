"""Executors: where the trainings of a study run."""

from robustkd.studies.executors.executor import Executor, Outcome, Progressed
from robustkd.studies.executors.in_turns import InTurns
from robustkd.studies.executors.processes import Processes

__all__ = ["Executor", "InTurns", "Outcome", "Processes", "Progressed"]
