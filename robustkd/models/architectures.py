"""Networks by name: every architecture of timm, including ours."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import timm
import torch
from timm.models import get_pretrained_cfg

from robustkd.errors import ModelError, nearest
from robustkd.models import networks
from robustkd.models.channel_order import ChannelOrder
from robustkd.models.pixel_model import PixelModel
from robustkd.models.resizing import Interpolation
from robustkd.plugins import load_installed

OWN_ARCHITECTURES: tuple[str, ...] = tuple(
    name
    for family in pkgutil.iter_modules(networks.__path__)
    for name in importlib.import_module(f"{networks.__name__}.{family.name}").NETWORKS
)
"""The networks that robustkd adds to timm: those that the files of `networks` list."""

FORBIDDEN_OPTIONS = frozenset(
    {
        "cache_dir",
        "checkpoint_path",
        "features_only",
        "in_chans",
        "num_classes",
        "pretrained",
        "pretrained_cfg",
        "pretrained_cfg_overlay",
    }
)
"""Options that would make `timm.create_model` read other files, or build something that is not a classifier."""


def create_model(
    architecture: str,
    *,
    num_classes: int,
    in_chans: int = 3,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    image_size: int | None = None,
    crop_pct: float | None = None,
    interpolation: Interpolation = "bilinear",
    channel_order: ChannelOrder = "rgb",
    seed: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> PixelModel:
    """Build an untrained network.

    Args:
        architecture: A name that timm knows, ours included.
        num_classes: The number of classes.
        in_chans: The number of image channels.
        mean: The mean of the normalisation; None for none. ImageNet's values are never assumed.
        std: The standard deviation of the normalisation.
        image_size: The size that images are resized to. By default, networks of a fixed input size (most vision
            transformers) use theirs and all others take images of any size.
        crop_pct: As for `PixelModel`.
        interpolation: As for `PixelModel`.
        channel_order: As for `PixelModel`.
        seed: The seed of the initial weights; the global random state does not change. None draws from that state.
        options: Further arguments of timm's `create_model`.

    Returns:
        The model, in training mode.

    Raises:
        ModelError: timm does not know the architecture or refuses an option, or mean and std do not fit the channels.

    >>> import robustkd as rk
    >>> model = rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=0)
    >>> model.architecture, model.num_classes
    ('cifar_wrn_10_1', 10)
    """
    check_architecture(architecture)
    forbidden = sorted(FORBIDDEN_OPTIONS.intersection(_keys(options or {})))
    if forbidden:
        raise ModelError(f"{architecture}: the option {forbidden[0]!r} cannot be given here")
    for name, values in (("mean", mean), ("std", std)):
        if values is not None and len(values) not in (1, in_chans):
            raise ModelError(f"{name} has {len(values)} values, the images {in_chans} channels: give one for each")
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        try:
            module = timm.create_model(
                architecture, pretrained=False, num_classes=num_classes, in_chans=in_chans, **(options or {})
            )
        except Exception as error:  # timm passes on every error of a network's constructor
            raise ModelError(f"timm cannot build {architecture}: {type(error).__name__}: {error}") from error
    if getattr(module, "in_chans", None) is None:  # only newer versions of timm set it
        module.in_chans = in_chans
    cfg = module.default_cfg
    if image_size is None and cfg.get("fixed_input_size") and "img_size" not in (options or {}):
        image_size = cfg["input_size"][-1]
    return PixelModel(
        module,
        mean=mean,
        std=std,
        image_size=image_size,
        crop_pct=crop_pct,
        interpolation=interpolation,
        channel_order=channel_order,
        architecture=architecture,
        options=options,
        lineage={"initial_seed": seed} if seed is not None else {},
    )


def _keys(options: Mapping[str, Any]) -> Iterator[str]:
    """The names of options, and of the options of networks within networks."""
    for name, value in options.items():
        yield name
        if isinstance(value, Mapping):
            yield from _keys(value)


def check_architecture(architecture: str) -> None:
    """Check that timm knows an architecture; the error suggests the nearest names that it knows.

    Raises:
        ModelError: There is no such architecture.
    """
    load_installed()
    if "/" in architecture or ":" in architecture or not timm.is_model(architecture):
        raise ModelError(f"unknown architecture {architecture!r}: {nearest(architecture, timm.list_models())}")


def classifier_name(architecture: str) -> str | None:
    """Return the name of the module whose weight has one row per class; None if timm does not state it."""
    cfg = get_pretrained_cfg(architecture, allow_unregistered=True)
    name = getattr(cfg, "classifier", None)
    return name[0] if isinstance(name, tuple) else name


def first_convolution_name(architecture: str) -> str | None:
    """Return the name of the module whose weight has the image channels in its second axis; None if unknown."""
    cfg = get_pretrained_cfg(architecture, allow_unregistered=True)
    name = getattr(cfg, "first_conv", None)
    return name[0] if isinstance(name, tuple) else name
