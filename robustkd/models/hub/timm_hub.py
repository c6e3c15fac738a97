"""Networks of timm on the hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import timm
from timm.models import load_model_config_from_hf

from robustkd.models.hub.found import FoundNetwork, loaded
from robustkd.models.preprocessing import Preprocessing
from robustkd.models.resizing import INTERPOLATIONS

_HEAD_AND_STEM = ("num_classes", "in_chans")


def from_timm_hub(name: str) -> FoundNetwork:
    """Load a network with timm's own loader, which reads safetensors, else with ``weights_only=True``.

    Args:
        name: ``ORG/NAME``, or ``ORG/NAME@REVISION``.

    Raises:
        ModelError: There is no such network, or it cannot be fetched.
    """
    source = f"hf-hub:{name}"
    _, architecture, arguments = loaded(source, lambda: load_model_config_from_hf(name))
    network = loaded(source, lambda: timm.create_model(source, pretrained=True))
    cfg = network.pretrained_cfg
    if getattr(network, "in_chans", None) is None:  # only newer versions of timm set it
        network.in_chans = cfg["input_size"][0]
    options = {key: value for key, value in arguments.items() if key not in _HEAD_AND_STEM}
    return FoundNetwork(network, architecture, _stated(cfg, f"the configuration of {source}"), [], options)


def _stated(cfg: Mapping[str, Any], origin: str) -> Preprocessing:
    squashes = cfg.get("crop_mode") == "squash"
    return Preprocessing(
        list(cfg["mean"]),
        list(cfg["std"]),
        cfg["input_size"][-1],
        None if squashes else cfg.get("crop_pct"),
        cfg["interpolation"] if cfg["interpolation"] in INTERPOLATIONS else "bicubic",
        origin=origin,
    )
