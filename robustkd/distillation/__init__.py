"""Distillation methods and the trainer that they share."""

from typing import TYPE_CHECKING, Any

from robustkd.lazy import exported

if TYPE_CHECKING:
    from robustkd.distillation.applicability import inapplicable
    from robustkd.distillation.history import Epoch, history_frame
    from robustkd.distillation.method import METHODS, Method, Stage, Supervision
    from robustkd.distillation.recipe import Recipe
    from robustkd.distillation.selection import given_selection_sentence, selection_record, selection_sentence
    from robustkd.distillation.student import TrainedStudent, train_student
    from robustkd.distillation.trainer import train

_HOMES = {
    "robustkd.distillation.applicability": ("inapplicable",),
    "robustkd.distillation.history": (
        "Epoch",
        "history_frame",
    ),
    "robustkd.distillation.method": (
        "METHODS",
        "Method",
        "Stage",
        "Supervision",
    ),
    "robustkd.distillation.recipe": ("Recipe",),
    "robustkd.distillation.selection": (
        "given_selection_sentence",
        "selection_record",
        "selection_sentence",
    ),
    "robustkd.distillation.student": (
        "TrainedStudent",
        "train_student",
    ),
    "robustkd.distillation.trainer": ("train",),
}

__all__ = [
    "METHODS",
    "Epoch",
    "Method",
    "Recipe",
    "Stage",
    "Supervision",
    "TrainedStudent",
    "given_selection_sentence",
    "history_frame",
    "inapplicable",
    "selection_record",
    "selection_sentence",
    "train",
    "train_student",
]


def __getattr__(name: str) -> Any:
    """Import a name when it is first used, so that code that needs no torch does not import it."""
    return exported(__name__, _HOMES, name)
