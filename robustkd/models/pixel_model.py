"""Any classifier behind one interface: pixels in [0, 1] in, logits out."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, cast, get_args

import torch
from torch import Tensor, nn

from robustkd.errors import ModelError, printable
from robustkd.models.channel_order import ChannelOrder
from robustkd.models.code_digest import code_digest
from robustkd.models.layout import channels_last, takes_channels_last
from robustkd.models.network_name import network_name
from robustkd.models.network_source import network_source
from robustkd.models.resizing import Interpolation, check_resizing, resized


@dataclass(frozen=True)
class Outputs:
    """The outputs of a network: logits, block outputs, pooled features.

    Attributes:
        logits: (B, K).
        blocks: The feature maps, (B, C, H, W), that the network lists in timm's `feature_info`. For our networks, as
            for timm's ResNets, `blocks[0]` is the stem and `blocks[k]` the papers' block k; those of a Wide ResNet are
            raw residual sums, before normalisation and rectifier.
        pooled: (B, F), the input of the classifier.
    """

    logits: Tensor
    blocks: tuple[Tensor, ...]
    pooled: Tensor


class PixelModel(nn.Module):
    """A classifier that takes pixels in [0, 1] and does its own resizing and normalisation.

    Args:
        module: The network: images (B, C, H, W) to logits (B, K), or to something with `logits`.
        mean: The values subtracted from the pixels, one for each channel; None for 0.
        std: The values that the pixels are then divided by; None for 1.
        image_size: Height and width that images are resized to (antialiased); None for no resizing.
        crop_pct: None resizes the whole image, whatever its aspect ratio. Otherwise the shorter side is resized to
            ⌊image_size / crop_pct⌋ and the centre is cut out.
        interpolation: The filter of the resizing, ``bilinear`` or ``bicubic``.
        channel_order: The order of the channels that the network takes; `mean` and `std` are in this order. Pixels are
            always given as RGB.
        architecture: The network's name; if empty, that of `network_name`.
        options: The arguments of timm's `create_model` besides classes and channels.
        lineage: The origin of the weights: method, seed, condition, file, …
        probabilities: Whether the network gives probabilities; their logarithms are its logits then.
        classes: The outputs of the network that are the classes of the data, in the order of the data; None for all.

    Raises:
        ModelError: Mean and std do not fit each other, a value is not usable, or the network has parameters without
            values.

    >>> import robustkd as rk
    >>> from torch import nn
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    >>> model = rk.PixelModel(network, mean=[0.5], std=[0.25], architecture="mine")
    >>> model
    PixelModel(mine, 650 parameters)
    >>> model(rk.load_dataset("digits").test.pixels(0, 2)).shape
    torch.Size([2, 10])
    """

    mean: Tensor
    std: Tensor
    classes: Tensor | None

    def __init__(
        self,
        module: nn.Module,
        *,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        image_size: int | None = None,
        crop_pct: float | None = None,
        interpolation: Interpolation = "bilinear",
        channel_order: ChannelOrder = "rgb",
        architecture: str = "",
        options: Mapping[str, Any] | None = None,
        lineage: Mapping[str, Any] | None = None,
        probabilities: bool = False,
        classes: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        _check_normalisation(mean, std)
        _check_values(module)
        check_resizing(image_size, crop_pct, interpolation)
        if channel_order not in get_args(ChannelOrder):
            raise ModelError(f"channel_order must be rgb or bgr, got {channel_order!r}")
        self.normalises = mean is not None or std is not None
        mean = mean if mean is not None else [0.0] * (len(std) if std is not None else 1)
        std = std if std is not None else [1.0] * len(mean)
        self.module = module
        self.image_size = image_size
        self.crop_pct = crop_pct
        self.interpolation = interpolation
        self.channel_order = channel_order
        self.architecture = architecture or network_name(module)
        self.options = dict(options or {})
        self.lineage = dict(lineage or {})
        self.probabilities = probabilities
        self.register_buffer("mean", _per_channel(mean), persistent=False)
        self.register_buffer("std", _per_channel(std), persistent=False)
        self.register_buffer("classes", None if classes is None else torch.tensor(list(classes)), persistent=False)

    def __repr__(self) -> str:
        classes = f"{self.num_classes} classes, " if self.num_classes is not None else ""
        return printable(f"PixelModel({self.architecture}, {classes}{self.num_parameters:,} parameters)")

    def forward(self, pixels: Tensor) -> Tensor:
        """Classify images.

        Args:
            pixels: float (B, C, H, W) in [0, 1].

        Returns:
            Logits (B, K).
        """
        return self._logits(self.module(self.prepare(pixels)))

    def outputs(self, pixels: Tensor) -> Outputs:
        """Classify, and return the block outputs and pooled features too.

        Args:
            pixels: float (B, C, H, W) in [0, 1].

        Raises:
            ModelError: The network lacks timm's `forward_intermediates` and `forward_head`.
        """
        module = cast(Any, self.module)
        if not (hasattr(module, "forward_intermediates") and hasattr(module, "forward_head")):
            raise ModelError(
                f"{self.architecture} gives logits only: its block outputs are read through timm's "
                "forward_intermediates and forward_head, which it does not have"
            )
        features, blocks = module.forward_intermediates(self.prepare(pixels))
        pooled = module.forward_head(features, pre_logits=True)
        return Outputs(self._logits(module.forward_head(features)), tuple(blocks), pooled)

    def prepare(self, pixels: Tensor) -> Tensor:
        """Resize, order the channels and normalise: float (B, C, H, W) in [0, 1] to the input of the network."""
        if self.image_size is not None:
            pixels = resized(pixels, self.image_size, self.crop_pct, self.interpolation)
        pixels = pixels.flip(1) if self.channel_order == "bgr" else pixels
        if pixels.device.type == "cpu" and takes_channels_last(self.module):
            pixels = channels_last(pixels)
        return (pixels - self.mean) / self.std if self.normalises else pixels

    def with_logits_from_probabilities(self) -> "PixelModel":
        """Return the same network, taken as one that gives probabilities."""
        model = copy(self)
        model.probabilities = True
        return model

    def restricted_to(self, classes: Sequence[int] | None) -> "PixelModel":
        """Return the same network with some of its outputs, or with all.

        Args:
            classes: As the argument `classes`.
        """
        model, chosen = copy(self), None if classes is None else torch.tensor(list(classes), device=self.mean.device)
        model._buffers = {**self._buffers, "classes": chosen}
        return model

    def normalised_by(
        self, mean: Sequence[float] | None, std: Sequence[float] | None, channel_order: ChannelOrder
    ) -> "PixelModel":
        """Return the same network with another normalisation.

        Args:
            mean: As the argument `mean`.
            std: As the argument `std`.
            channel_order: As the argument `channel_order`.
        """
        other = PixelModel(nn.Identity(), mean=mean, std=std, channel_order=channel_order)
        model = copy(self)
        model.normalises, model.channel_order = other.normalises, channel_order
        own = {name: buffer.to(self.mean.device) for name, buffer in other.named_buffers()}
        model._buffers = {**self._buffers, **own}
        return model

    def _logits(self, output: Any) -> Tensor:
        held = output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", output)
        if not isinstance(held, Tensor) or held.ndim != 2:
            raise ModelError(
                f"{self.architecture} gives {_form(output)}, not logits of shape (B, K): wrap it in a module that "
                "returns them alone"
            )
        held = held.clamp_min(torch.finfo(held.dtype).tiny).log() if self.probabilities else held
        return held if self.classes is None else held[:, self.classes]

    @property
    def num_classes(self) -> int | None:
        """The number of classes; None if the network does not state it."""
        if self.classes is not None:
            return len(self.classes)
        return cast("int | None", getattr(self.module, "num_classes", None))

    @property
    def block_channels(self) -> tuple[int, ...]:
        """The number of channels of each of `Outputs.blocks`.

        Raises:
            ModelError: The network lacks timm's `feature_info`.
        """
        listed = getattr(self.module, "feature_info", None)
        if not listed:
            raise ModelError(
                f"{self.architecture} does not state the channels of its blocks: give it timm's feature_info, a "
                "list with one mapping per block, the channels under num_chs"
            )
        return tuple(info["num_chs"] for info in listed)

    @property
    def num_parameters(self) -> int:
        """The number of parameters."""
        return sum(parameter.numel() for parameter in self.module.parameters())

    def digest(self) -> str:
        """SHA-256 over all that determines the outputs: architecture, preprocessing, weights, statistics, code."""
        preprocessing: list[Any] = [self.mean.flatten().tolist(), self.std.flatten().tolist(), self.image_size]
        if (self.crop_pct, self.interpolation) != (None, "bilinear"):
            preprocessing += [self.crop_pct, self.interpolation]
        preprocessing += [self.channel_order] if self.channel_order != "rgb" else []
        sources = [network_source(self.architecture, self.module), code_digest(self.module)]
        content = [self.architecture, self.options, preprocessing, *filter(None, sources)]
        content += ["probabilities"] if self.probabilities else []
        content += [self.classes.tolist()] if self.classes is not None else []
        settings = json.dumps(content, sort_keys=True, default=str)
        hasher = hashlib.sha256(settings.encode())
        for name, value in sorted(self.module.state_dict().items()):
            for part in _tensors(value):
                hasher.update(f"{name} {part.dtype} {tuple(part.shape)}".encode())
                hasher.update(part.contiguous().view(-1).view(torch.uint8).numpy().data)
        return hasher.hexdigest()


def _check_values(module: nn.Module) -> None:
    for name, held in (*module.named_parameters(), *module.named_buffers()):
        if nn.parameter.is_lazy(held):
            raise ModelError(f"{name} has no shape yet: run the network once before it is wrapped")
        if held.is_meta:
            raise ModelError(f"{name} has no values (device meta): load the weights before the network is wrapped")


def _tensors(value: Any) -> list[Tensor]:
    """The tensors of an entry of a state dict; those of quantised layers are in tuples."""
    if isinstance(value, Tensor):
        tensor = value.detach().cpu()
        return [tensor.dequantize() if tensor.is_quantized else tensor]
    if isinstance(value, list | tuple):
        return [each for held in value for each in _tensors(held)]
    return [torch.frombuffer(bytearray(repr(value).encode() or b" "), dtype=torch.uint8)]


def _form(output: Any) -> str:
    """What a network returned, in a few words."""
    if isinstance(output, Tensor):
        return f"a tensor of shape {tuple(output.shape)}"
    if isinstance(output, Mapping):
        return f"a mapping of {', '.join(map(str, list(output)[:5])) or 'nothing'}"
    if isinstance(output, list | tuple):
        return f"a {type(output).__name__} of {len(output)}"
    return f"a {type(output).__name__}"


def _per_channel(values: Sequence[float]) -> Tensor:
    return torch.tensor(list(values), dtype=torch.float32).view(1, -1, 1, 1)


def _check_normalisation(mean: Sequence[float] | None, std: Sequence[float] | None) -> None:
    if std is not None and not all(math.isfinite(value) and value > 0 for value in std):
        raise ModelError(f"std must be positive, got {list(std)}")
    if mean is not None and not all(math.isfinite(value) for value in mean):
        raise ModelError(f"mean must be finite, got {list(mean)}")
    if mean is not None and std is not None and len(mean) != len(std):
        raise ModelError(f"mean has {len(mean)} values and std {len(std)}: give one for each channel")
