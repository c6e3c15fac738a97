"""Images of many sizes: bring them to what each network needs, as timm does when it evaluates a network."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

from robustkd.data import Dataset, ImageSet
from robustkd.data.encoded.geometry import RESAMPLING, StandardEvaluation
from robustkd.data.encoded.images import EncodedImages
from robustkd.errors import DataError
from robustkd.models import Member, ModelPool, PixelModel
from robustkd.models.ensembles import Ensemble
from robustkd.models.resizing import INTERPOLATIONS, resize_length
from robustkd.presentation.numbers import join

SIZE = 224
CROP_PCT = 0.875
INTERPOLATION = "bicubic"
"""The settings of networks that state none, as in timm."""

SHOWN = 3
"""The number of networks that a sentence names."""


@dataclass(frozen=True)
class Input:
    """The input of a network.

    Attributes:
        size: Height and width.
        crop_pct: The share of the shorter side that the input spans.
        interpolation: The filter of the resizing, as timm names it.
    """

    size: int
    crop_pct: float
    interpolation: str

    @property
    def resize(self) -> int:
        """The length that the shorter side is resized to."""
        return resize_length(self.size, self.crop_pct)

    @property
    def pixels(self) -> tuple[int, int, str]:
        """What determines the pixels that the network sees."""
        return self.size, self.resize, self.interpolation


def fit_to_photographs(pool: ModelPool, data: Dataset) -> tuple[ModelPool, Dataset]:
    """Choose the size of images whose files differ in size, and what each network sees of them.

    A network sees what timm shows it in an evaluation: the shorter side resized to ⌊size / crop_pct⌋, the centre cut
    out; with the size, `crop_pct` and interpolation that timm states for it, else 224, 0.875 and bicubic. A size or
    `crop_pct` of the `PixelModel` comes first. If all networks agree, the images are exactly that. Otherwise all share
    the images of the network with the largest, and each resizes them by itself, so that attacks change pixels that all
    of them see.

    Args:
        pool: The models; not changed.
        data: The images. Those of one size are left alone, and so are the models then.

    Returns:
        The models and the images. `lineage["notes"]` of each model says what it sees.

    Raises:
        DataError: The images cannot be resized, or the networks of an ensemble need different ones.
    """
    if not data.test.photographs:
        return pool, data
    inputs = {member.name: network_input(member.model) for member in pool}
    largest = max(inputs.values(), key=lambda each: (each.resize, each.size))
    others = [name for name, wanted in inputs.items() if wanted.pixels != largest.pixels]
    side = largest.resize if others else largest.size
    geometry = StandardEvaluation(largest.resize, largest.size, largest.interpolation, side)
    members = [_fitted(member, inputs[member.name], largest, alone=not others) for member in pool]
    remarks = (*data.remarks, _shared(others, largest)) if others else data.remarks
    train = _resized(data.train, geometry) if data.train is not None else None
    return ModelPool(members=members), replace(data, train=train, test=_resized(data.test, geometry), remarks=remarks)


def network_input(model: PixelModel) -> Input:
    """Return what a network is evaluated on: its own settings, then timm's, then the usual ones.

    Args:
        model: The model.
    """
    cfg = _timm_settings(model)
    if isinstance(model.module, Ensemble):
        return _of_all(model.module)
    size = model.image_size or int((cfg.get("input_size") or (3, SIZE, SIZE))[-1])
    stated = model.interpolation if model.crop_pct is not None else cfg.get("interpolation")
    interpolation = stated if stated in RESAMPLING else INTERPOLATION
    return Input(size, min(1.0, model.crop_pct or cfg.get("crop_pct") or CROP_PCT), interpolation)


def _of_all(networks: Ensemble) -> Input:
    found = {network_input(model) for model in networks.members()}
    if len({each.pixels for each in found}) > 1:
        sizes = join(sorted(str(each.size) for each in found))
        raise DataError(f"the networks of an ensemble must see the same of a photograph; these take {sizes} pixels")
    return found.pop()


def _timm_settings(model: PixelModel) -> Mapping[str, Any]:
    for name in ("pretrained_cfg", "default_cfg"):
        cfg = getattr(model.module, name, None)
        if isinstance(cfg, Mapping) and cfg:
            return cfg
    return {}


def _shared(others: Sequence[str], largest: Input) -> str:
    named = (
        join(list(others)) if len(others) <= SHOWN else f"{', '.join(others[:SHOWN])} and {len(others) - SHOWN} more"
    )
    return (
        f"the networks share images whose shorter side is {largest.resize}, and those with other settings ({named}) "
        "resize these once more: their results differ a little from those with timm's own transform, which a network "
        "evaluated alone sees exactly"
    )


def _fitted(member: Member, wanted: Input, largest: Input, alone: bool) -> Member:
    """The member with a model that takes the shared images; `alone` if these are its input as they are."""
    model = copy(member.model)
    if isinstance(model.module, Ensemble):  # resized once, for all of them
        model.module = Ensemble([_as_it_comes(each) for each in model.module.members()])
    own: Any = wanted.interpolation if wanted.interpolation in INTERPOLATIONS else INTERPOLATION
    model.image_size, model.crop_pct, model.interpolation = (
        (None, None, "bilinear") if alone else (wanted.size, wanted.crop_pct, own)
    )
    filtered = largest.interpolation if wanted.resize == largest.resize else own
    note = (
        f"sees the centre {wanted.size}×{wanted.size} of images whose shorter side is resized to {wanted.resize} "
        f"(crop_pct {wanted.crop_pct:g}, {filtered})"
    )
    squashes = _timm_settings(member.model).get("crop_mode") == "squash"
    note += "; timm squashes them for this network, which @squash=SIZE does" if squashes else ""
    model.lineage = {**model.lineage, "notes": [*model.lineage.get("notes", []), note]}
    return replace(member, model=model)


def _as_it_comes(model: PixelModel) -> PixelModel:
    model = copy(model)
    model.image_size, model.crop_pct, model.interpolation = None, None, "bilinear"
    return model


def _resized(images: ImageSet, geometry: StandardEvaluation) -> ImageSet:
    if not isinstance(images.images, EncodedImages):
        raise DataError("images differ in size, and their source cannot resize them for each network")
    return replace(images, images=images.images.fitted(geometry))
