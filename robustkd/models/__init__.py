"""Networks behind one interface, their checkpoints, and the pool of models to evaluate."""

from typing import TYPE_CHECKING, Any

from robustkd.lazy import exported

if TYPE_CHECKING:
    from robustkd.models.architectures import OWN_ARCHITECTURES, check_architecture, create_model
    from robustkd.models.checkpoints.own import load_model, save_model
    from robustkd.models.ensembles import ensemble
    from robustkd.models.pixel_model import Outputs, PixelModel
    from robustkd.models.pool import Member, ModelPool

_HOMES = {
    "robustkd.models.architectures": (
        "OWN_ARCHITECTURES",
        "check_architecture",
        "create_model",
    ),
    "robustkd.models.checkpoints.own": (
        "load_model",
        "save_model",
    ),
    "robustkd.models.ensembles": ("ensemble",),
    "robustkd.models.pixel_model": (
        "Outputs",
        "PixelModel",
    ),
    "robustkd.models.pool": (
        "Member",
        "ModelPool",
    ),
}

__all__ = [
    "OWN_ARCHITECTURES",
    "Member",
    "ModelPool",
    "Outputs",
    "PixelModel",
    "check_architecture",
    "create_model",
    "ensemble",
    "load_model",
    "save_model",
]


def __getattr__(name: str) -> Any:
    """Import a name when it is first used, so that code that needs no torch does not import it."""
    return exported(__name__, _HOMES, name)
