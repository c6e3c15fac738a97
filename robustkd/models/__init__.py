"""Networks behind one face, their checkpoints, and the pool under evaluation."""

from robustkd.models.architectures import OWN_ARCHITECTURES, check_architecture, create_model
from robustkd.models.checkpoints.own import load_model, save_model
from robustkd.models.pixel_model import Outputs, PixelModel
from robustkd.models.pool import Member, ModelPool

__all__ = [
    "OWN_ARCHITECTURES",
    "Member",
    "ModelPool",
    "Outputs",
    "PixelModel",
    "check_architecture",
    "create_model",
    "load_model",
    "save_model",
]
