"""Distillation methods and the trainer that they share."""

from robustkd.distillation.applicability import inapplicable
from robustkd.distillation.history import Epoch, history_frame
from robustkd.distillation.method import METHODS, Method, Stage, Supervision
from robustkd.distillation.recipe import Recipe
from robustkd.distillation.selection import given_selection_sentence, selection_record, selection_sentence
from robustkd.distillation.student import TrainedStudent, train_student
from robustkd.distillation.trainer import train

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
