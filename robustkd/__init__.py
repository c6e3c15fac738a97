"""robustkd: what did a distilled model really inherit?

Train a student, or load one that any code trained, and compare it with its teacher and an independent baseline:

>>> import robustkd as rk
>>> data = rk.load_dataset("digits")
>>> recipe = rk.Recipe(epochs=1, milestones=())
>>> def network(seed):
...     return rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed)
>>> teacher = rk.train("baseline", network(7), data, recipe=recipe, seed=7, device="cpu").model
>>> baseline = rk.train("baseline", network(0), data, recipe=recipe, device="cpu").model
>>> student = rk.train("hinton", network(0), data, teacher=teacher, recipe=recipe, device="cpu").model
>>> pool = rk.ModelPool(teacher, baseline, {"hinton": student})
>>> fast = {"transferability": {"images": 10, "steps": 1}}
>>> report = rk.evaluate(pool, data, options=fast, limit=100, device="cpu")
>>> sorted(report.results)
['calibration', 'confidence', 'fidelity', 'generalization', 'knowledge', 'selective', 'transferability']

``print(report)`` gives the findings, ``report.save(path)`` keeps the run with its page.
"""

import importlib
from typing import TYPE_CHECKING, Any

from robustkd.lazy import exported

if TYPE_CHECKING:
    from robustkd import losses, metrics
    from robustkd.catalogue import evaluations, methods
    from robustkd.data import Dataset, ImageSet, load_dataset
    from robustkd.distillation import Recipe
    from robustkd.distillation import train_student as train
    from robustkd.errors import RobustKDError
    from robustkd.models import Member, ModelPool, PixelModel, create_model, load_model, save_model
    from robustkd.published import load_published
    from robustkd.studies import compare_runs, evaluate, load_study, run_study

_HOMES = {
    "robustkd.catalogue": ("methods",),
    "robustkd.data": ("Dataset", "ImageSet", "load_dataset"),
    "robustkd.distillation": ("Recipe", "train_student"),
    "robustkd.errors": ("RobustKDError",),
    "robustkd.models": ("Member", "ModelPool", "PixelModel", "create_model", "load_model", "save_model"),
    "robustkd.published": ("load_published",),
    "robustkd.studies": ("compare_runs", "evaluate", "load_study", "run_study"),
}

_CALLED = {"train": "train_student"}
"""Public names that are called otherwise where they are defined."""

__all__ = [
    "Dataset",
    "ImageSet",
    "Member",
    "ModelPool",
    "PixelModel",
    "Recipe",
    "RobustKDError",
    "compare_runs",
    "create_model",
    "evaluate",
    "evaluations",
    "load_dataset",
    "load_model",
    "load_published",
    "load_study",
    "losses",
    "methods",
    "metrics",
    "run_study",
    "save_model",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the command line answers without torch."""
    if name in ("evaluations", "losses", "metrics"):  # the package of evaluations lists them when it is called
        return importlib.import_module(f"robustkd.{name}")
    return exported(__name__, _HOMES, _CALLED.get(name, name))
