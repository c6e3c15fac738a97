"""The structure that the CIFAR networks share: a stem, three stages of residual blocks, a head.

It is a timm model in every respect. Its `feature_info` lists four taps: 0 is the stem, 1 to 3 are the blocks of the
papers.
"""

from collections.abc import Callable, Sequence
from typing import Any

from timm.layers import SelectAdaptivePool2d
from timm.models import build_model_with_cfg, checkpoint_seq
from timm.models._features import feature_take_indices
from torch import Tensor, nn

BlockFactory = Callable[[int, int, int], nn.Module]
"""(input channels, output channels, stride) → residual block."""


class StagedNetwork(nn.Module):
    """Stem, three stages at strides 1, 2, 2, optional final normalisation, pooling, linear classifier.

    Args:
        block: The function that builds a residual block.
        blocks_per_stage: The number of blocks of each stage.
        stem_width: The number of channels of the stem.
        widths: The number of channels of each stage.
        preactivation: Whether blocks return raw residual sums, which are normalised and rectified once before the head
            (Wide ResNets); otherwise the stem is normalised and rectified and blocks end in a rectifier (ResNets).
        num_classes: The number of classes; 0 for no classifier.
        in_chans: The number of image channels.
        global_pool: timm's name of the pooling before the classifier.
        drop_rate: The dropout rate before the classifier.
    """

    def __init__(
        self,
        block: BlockFactory,
        blocks_per_stage: int,
        stem_width: int,
        widths: tuple[int, int, int],
        *,
        preactivation: bool,
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.in_chans = in_chans
        self.drop_rate = drop_rate
        self.num_features = self.head_hidden_size = widths[-1]
        self.grad_checkpointing = False

        self.stem = nn.Sequential()
        self.stem.add_module("conv", nn.Conv2d(in_chans, stem_width, 3, padding=1, bias=False))
        if not preactivation:
            self.stem.add_module("bn", nn.BatchNorm2d(stem_width))
            self.stem.add_module("act", nn.ReLU(inplace=True))
        channels = (stem_width, *widths)
        for index, stride in enumerate((1, 2, 2)):
            stage = [
                block(
                    channels[index] if first else channels[index + 1],
                    channels[index + 1],
                    stride if first else 1,
                )
                for first in (True, *[False] * (blocks_per_stage - 1))
            ]
            self.add_module(f"stage{index + 1}", nn.Sequential(*stage))
        self.norm = nn.BatchNorm2d(widths[-1]) if preactivation else nn.Identity()
        self.norm_act = nn.ReLU() if preactivation else nn.Identity()
        self.global_pool = SelectAdaptivePool2d(pool_type=global_pool, flatten=True)
        self.head_drop = nn.Dropout(drop_rate)
        self.fc = self._classifier(num_classes)

        modules = ("stem", "stage1", "stage2", "stage3")
        self.feature_info = [
            {"num_chs": channels[index], "reduction": reduction, "module": modules[index]}
            for index, reduction in enumerate((1, 1, 2, 4))
        ]
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
            setattr(self, f"stage{index}", nn.Identity())
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
            self.global_pool = SelectAdaptivePool2d(pool_type=global_pool, flatten=bool(global_pool))
        self.fc = self._classifier(num_classes)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Recompute the stages in the backward pass to save memory."""
        self.grad_checkpointing = enable

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Patterns by which timm groups parameters into layers."""
        blocks = r"^stage(\d+)" if coarse else [(r"^stage(\d+)\.(\d+)", None), (r"^norm", (99999,))]
        return {"stem": r"^stem", "blocks": blocks}

    def _stages(self) -> list[nn.Module]:
        return [self.get_submodule(f"stage{index}") for index in (1, 2, 3)]

    def _run(self, part: nn.Module, x: Tensor) -> Tensor:
        if self.grad_checkpointing and self.training and isinstance(part, nn.Sequential):
            return checkpoint_seq(part, x)
        return part(x)

    def _classifier(self, num_classes: int) -> nn.Module:
        return nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()

    def _initialise(self) -> None:
        # He et al. 2015 with fan-out, as the original Wide ResNet code and torchvision's ResNets
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if isinstance(self.fc, nn.Linear):
            nn.init.zeros_(self.fc.bias)


def build_staged_network(variant: str, pretrained: bool, **kwargs: Any) -> nn.Module:
    """Build a registered network through timm, so that `features_only` and its other options work."""
    return build_model_with_cfg(StagedNetwork, variant, pretrained, feature_cfg={"out_indices": (0, 1, 2, 3)}, **kwargs)


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
