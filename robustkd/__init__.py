"""robustkd: what did a distilled model really inherit?

import robustkd as rk

data = rk.load_dataset("cifar10")
pool = rk.ModelPool(teacher=rk.load_model("t.safetensors"), baseline=rk.load_model("b.safetensors"),
                    students={"AT": rk.load_model("s.pth", architecture="cifar_wrn_16_2")})
report = rk.evaluate(pool, data, suite="full")
report.save("reports/mine")
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from robustkd.data import Dataset, ImageSet, load_dataset
    from robustkd.errors import RobustKDError
    from robustkd.models import Member, ModelPool, PixelModel, create_model, load_model, save_model
    from robustkd.published import load_published
    from robustkd.studies import compare_runs, evaluate, load_study, run_study

_HOMES = {
    "robustkd.data": ("Dataset", "ImageSet", "load_dataset"),
    "robustkd.errors": ("RobustKDError",),
    "robustkd.models": ("Member", "ModelPool", "PixelModel", "create_model", "load_model", "save_model"),
    "robustkd.published": ("load_published",),
    "robustkd.studies": ("compare_runs", "evaluate", "load_study", "run_study"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Dataset",
    "ImageSet",
    "Member",
    "ModelPool",
    "PixelModel",
    "RobustKDError",
    "compare_runs",
    "create_model",
    "evaluate",
    "load_dataset",
    "load_model",
    "load_published",
    "load_study",
    "run_study",
    "save_model",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the command line answers without torch."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'robustkd' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)
