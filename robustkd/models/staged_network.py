"""The structure that the CIFAR networks share: a stem, stages of blocks, a head.

It is a timm model in every respect. Its `feature_info` lists the taps: 0 is the stem, the others are the stages, which
the papers call blocks.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from itertools import pairwise
from typing import Any

from timm.layers import SelectAdaptivePool2d
from timm.models import build_model_with_cfg, checkpoint_seq, register_model
from timm.models._features import feature_take_indices
from torch import Tensor, nn

from robustkd.models.normalisation_layers import Normalisation, with_normalisation


@dataclass(frozen=True, eq=False)
class Trunk:
    """All of a network but its head.

    Attributes:
        stem: The first layers.
        stages: The stages.
        channels: The number of channels after the stem and after each stage.
        reductions: By which factor height and width are smaller there than in the image.
        norm: The normalisation after the last stage.
        norm_act: What follows it.
        features: The number of channels that the head sees.
    """

    stem: nn.Module
    stages: Sequence[nn.Module]
    channels: Sequence[int]
    reductions: Sequence[int]
    norm: nn.Module = field(default_factory=nn.Identity)
    norm_act: nn.Module = field(default_factory=nn.Identity)
    features: int | None = None


class StagedNetwork(nn.Module):
    """Stem, stages, optional final normalisation, pooling, linear classifier.

    Args:
        trunk: The function that builds stem and stages for a number of image channels.
        num_classes: The number of classes; 0 for no classifier.
        in_chans: The number of image channels.
        global_pool: timm's name of the pooling before the classifier.
        pooled_size: Height and width after the pooling.
        drop_rate: The dropout rate before the classifier.
        normalisation: ``batch``; or ``group`` or ``layer``, which normalise each image by itself.
    """

    def __init__(
        self,
        trunk: Callable[[int], Trunk],
        *,
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        pooled_size: int = 1,
        drop_rate: float = 0.0,
        normalisation: Normalisation = "batch",
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.in_chans = in_chans
        self.drop_rate = drop_rate
        self.pooled_size = pooled_size
        self.grad_checkpointing = False

        built = trunk(in_chans)
        self.stem = built.stem
        self.stage_names = [f"stage{index + 1}" for index in range(len(built.stages))]
        for name, stage in zip(self.stage_names, built.stages, strict=True):
            self.add_module(name, stage)
        self.norm, self.norm_act = built.norm, built.norm_act
        self.num_features = built.features or built.channels[-1]
        self.head_hidden_size = self.num_features * pooled_size**2
        self.global_pool = self._pooling(global_pool)
        self.head_drop = nn.Dropout(drop_rate)
        self.fc = self._classifier(num_classes)

        self.feature_info = [
            {"num_chs": channels, "reduction": reduction, "module": module}
            for channels, reduction, module in zip(
                built.channels, built.reductions, ("stem", *self.stage_names), strict=True
            )
        ]
        with_normalisation(self, normalisation)
        self._initialise()

    def forward(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) to logits (B, K)."""
        return self.forward_head(self.forward_features(x))

    def forward_features(self, x: Tensor) -> Tensor:
        """Images to the final feature map, after the last normalisation."""
        x = self.stem(x)
        for stage in self._stages():
            x = self._run(stage, x)
        return self.norm_act(self.norm(x))

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Pool the final feature map; classify it unless `pre_logits`."""
        x = self.head_drop(self.global_pool(x))
        return x if pre_logits else self.fc(x)

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | Sequence[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> Any:
        """Return the outputs of stem and stages, as timm's networks do.

        Args:
            x: Images, (B, C, H, W).
            indices: The last n taps if an int, all if None, else these taps; 0 is the stem.
            norm: Whether to normalise and rectify the output of the last stage, as the head does.
            stop_early: Whether to stop after the last requested tap.
            output_fmt: The format of the taps; only ``"NCHW"``.
            intermediates_only: Whether to leave out the final features.

        Returns:
            (final features, list of taps), or only the list.
        """
        if output_fmt != "NCHW":
            raise ValueError(f"output_fmt must be NCHW, got {output_fmt}")
        take, last = feature_take_indices(len(self.feature_info), indices)
        parts = (self.stem, *self._stages())
        taps = []
        for index, part in enumerate(parts[: last + 1] if stop_early else parts):
            x = self._run(part, x)
            final = index == len(parts) - 1
            if index in take:
                taps.append(self.norm_act(self.norm(x)) if norm and final else x)
        if intermediates_only:
            return taps
        return self.norm_act(self.norm(x)) if final else x, taps

    def prune_intermediate_layers(
        self, indices: int | Sequence[int] = 1, prune_norm: bool = False, prune_head: bool = True
    ) -> list[int]:
        """Remove what the taps at `indices` do not need."""
        take, last = feature_take_indices(len(self.feature_info), indices)
        for index in range(last + 1, len(self.feature_info)):
            setattr(self, self.stage_names[index - 1], nn.Identity())
        if prune_norm:
            self.norm, self.norm_act = nn.Identity(), nn.Identity()
        if prune_head:
            self.reset_classifier(0, "")
        return take

    def get_classifier(self) -> nn.Module:
        """The last linear layer."""
        return self.fc

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the classifier by a new one."""
        self.num_classes = num_classes
        if global_pool is not None:
            self.global_pool = self._pooling(global_pool)
        self.fc = self._classifier(num_classes)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Recompute the stages in the backward pass to save memory."""
        self.grad_checkpointing = enable

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Patterns by which timm groups parameters into layers."""
        blocks = r"^stage(\d+)" if coarse else [(r"^stage(\d+)\.(\d+)", None), (r"^norm", (99999,))]
        return {"stem": r"^stem", "blocks": blocks}

    def _stages(self) -> list[nn.Module]:
        return [self.get_submodule(name) for name in self.stage_names]

    def _run(self, part: nn.Module, x: Tensor) -> Tensor:
        if self.grad_checkpointing and self.training and isinstance(part, nn.Sequential):
            return checkpoint_seq(part, x)
        return part(x)

    def _classifier(self, num_classes: int) -> nn.Module:
        return nn.Linear(self.head_hidden_size, num_classes) if num_classes else nn.Identity()

    def _pooling(self, kind: str) -> nn.Module:
        return SelectAdaptivePool2d(self.pooled_size, pool_type=kind, flatten=bool(kind))

    def _initialise(self) -> None:
        # He et al. 2015 with fan-out, as the original Wide ResNet code and torchvision's ResNets
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if isinstance(self.fc, nn.Linear):
            nn.init.zeros_(self.fc.bias)


BlockFactory = Callable[[int, int, int], nn.Module]
"""(input channels, output channels, stride) → block."""


def residual_stages(block: BlockFactory, blocks: int, channels: Sequence[int]) -> list[nn.Module]:
    """Build stages of blocks, the first at stride 1, the others at stride 2.

    Args:
        block: The function that builds a block.
        blocks: The number of blocks of each stage.
        channels: The number of channels after the stem and after each stage.
    """
    stages: list[nn.Module] = []
    for before, after in pairwise(channels):
        stride = 2 if stages else 1
        first = block(before, after, stride)
        stages.append(nn.Sequential(first, *[block(after, after, 1) for _ in range(blocks - 1)]))
    return stages


Networks = Mapping[str, Mapping[str, Any]]
"""The networks of a family, and the arguments that each binds. A family declares them as ``NETWORKS``, a dictionary
whose names are read from the source by `robustkd.declarations`."""


def register_staged_networks(networks: Networks, module: str, trunk: Callable[..., Trunk], taps: int = 4) -> None:
    """Register networks with timm, so that `timm.create_model`, `features_only` and the like know them.

    Args:
        networks: The networks; arguments that `trunk` does not have are those of `StagedNetwork`.
        module: The module that defines them, ``__name__``; it has timm's configurations as ``default_cfgs``.
        trunk: The function that builds stem and stages for a number of image channels; arguments that a network does
            not bind are its options.
        taps: The number of taps, stem and stages.
    """
    known = signature(trunk).parameters.keys()
    for name, bound in networks.items():
        structure = {key: value for key, value in bound.items() if key in known}
        head = {key: value for key, value in bound.items() if key not in known}
        entrypoint = _entrypoint(name, partial(trunk, **structure), head, tuple(range(taps)))
        entrypoint.__name__ = entrypoint.__qualname__ = name
        entrypoint.__module__, entrypoint.__doc__ = module, f"Build {name}."
        setattr(sys.modules[module], name, register_model(entrypoint))


def _entrypoint(name: str, trunk: partial[Trunk], head: Mapping[str, Any], taps: tuple[int, ...]) -> Any:
    """The function that timm calls for a network."""
    free = signature(trunk.func).parameters.keys() - trunk.keywords.keys() - {"in_chans"}

    def network(pretrained: bool = False, **options: Any) -> nn.Module:
        built = partial(trunk, **{key: options.pop(key) for key in free & options.keys()})
        cfg = {"out_indices": taps}
        return build_model_with_cfg(StagedNetwork, name, pretrained, feature_cfg=cfg, trunk=built, **head, **options)

    return network


def cifar_cfg() -> dict[str, Any]:
    """Return timm's configuration of a network for 32×32 images whose pixels are not normalised."""
    return {
        "url": "",
        "num_classes": 10,
        "input_size": (3, 32, 32),
        "pool_size": (8, 8),
        "crop_pct": 1.0,
        "interpolation": "bilinear",
        "mean": (0.0, 0.0, 0.0),
        "std": (1.0, 1.0, 1.0),
        "first_conv": "stem.conv",
        "classifier": "fc",
    }
