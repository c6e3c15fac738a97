"""`sdd`: scale decoupled distillation: match the teacher's predictions for parts of the image too.

    L = ce_weight · CE(z_s, y) + kd_weight · mean over images i and cells n of w_in · D(z_s,in, z_t,in)

    D = T² · KL(p_t^T ‖ p_s^T)                                                                           kl
    D = target_weight · T² · KL(b_t ‖ b_s) + nontarget_weight · T² · KL(p̂_t ‖ p̂_s), as in `dkd`          dkd

The last feature map is average-pooled over the cells of grids of 1×1, 2×2 and 4×4, and each network's own classifier
gives the logits z_in of cell n. A cell is consistent if the teacher predicts the same class for it as for the whole
map, and has weight w = 1; it is complementary otherwise, with w = complementary_weight. Layers: last map and output.
Wei et al., *Scale Decoupled Distillation* (CVPR 2024, arXiv 2403.13512).

Variants: `original` is as above. In `published_code`, a cell is complementary if the teacher is right about it and
    wrong about the whole map, or the reverse: two different wrong classes are consistent there.

The mean over all cells and the defaults are those of the published code for CIFAR-100 with `kl`: T = 4, 0.9 and 0.1,
and 2 for complementary cells. With `dkd` it has a weight of 1 for the labels and for distillation, and 1 and 6 or 8
for the two parts.

Deviations: the published code pools the map to 4×4 before all else, which differs where its size is no multiple of 4;
    it raises the weight of `dkd` over the first 20 epochs. Here grids finer than the map of either network are left
    out: with maps of 1×1, which networks for large images have for small ones, the method is `hinton`.

It applies to networks that average-pool their last map and classify it by one linear layer; others, such as vision
transformers and MobileNetV3, are refused.
"""

from typing import Annotated, Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.linear_head import last_map, linear_classifier
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.methods.dkd import among_others, label_against_others
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.errors import ModelError
from robustkd.models import PixelModel

SCALES = (1, 2, 4)
"""The sizes of the grids."""


@in_full_precision
def scale_decoupled_loss(student_logits: Tensor, teacher_logits: Tensor, weights: Tensor, temperature: float) -> Tensor:
    """T² · KL(teacher ‖ student) at a temperature, weighted cell by cell, averaged over images and cells.

    Args:
        student_logits: (B, N, K), for N cells of each image.
        teacher_logits: (B, N, K).
        weights: (B, N), such as those of `consistency_weights`.
        temperature: T > 0.

    Returns:
        A scalar ≥ 0, in nats times T².

    >>> import torch
    >>> import robustkd as rk
    >>> cells = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    >>> round(rk.losses.scale_decoupled_loss(cells, cells, torch.ones(1, 2), 4.0).item(), 4)
    0.0
    """
    student, teacher = (F.log_softmax(each / temperature, dim=2) for each in (student_logits, teacher_logits))
    divergences = F.kl_div(student, teacher, reduction="none", log_target=True).sum(dim=2)
    return temperature**2 * (weights * divergences).mean()


@in_full_precision
def consistency_weights(teacher_logits: Tensor, complementary_weight: float, labels: Tensor | None = None) -> Tensor:
    """1 for each cell for which the teacher says the same as for the whole map, another weight for the others.

    Args:
        teacher_logits: (B, N, K); the first of the N cells is the whole map.
        complementary_weight: The weight of cells for which the teacher says something else.
        labels: int64 (B,); if given, only whether the teacher is right is compared, not the class.

    Returns:
        (B, N).

    >>> import torch
    >>> import robustkd as rk
    >>> rk.losses.consistency_weights(torch.tensor([[[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]]]), 2.0).tolist()
    [[1.0, 1.0, 2.0]]
    """
    said = teacher_logits.argmax(dim=2)
    if labels is not None:
        said = said == labels[:, None]
    return torch.where(said == said[:, :1], 1.0, complementary_weight)


@METHODS.register("sdd")
class ScaleDecoupledDistillation(Method):
    """Match the teacher's predictions for the whole last map and for the cells of finer and finer grids.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        ce_weight: The weight of the labels.
        kd_weight: The weight of the distillation term.
        complementary_weight: β, the weight of cells for which the teacher predicts another class than for the whole.
        temperature: T, the temperature of all softened predictions.
        divergence: `kl` compares predictions as `hinton` does, `dkd` as `dkd` does.
        target_weight: The weight of the label against all other classes; only with `dkd`.
        nontarget_weight: The weight of the prediction among the other classes; only with `dkd`.
        variant: What makes a cell consistent: `original` the class, `published_code` whether it is right.

    Raises:
        ModelError: The head of a network is not an average pooling and a linear layer.
    """

    cites = "Wei et al. 2024"
    matches = "response"
    cost = 2.0

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        ce_weight: NonNegative = 0.1,
        kd_weight: NonNegative = 0.9,
        complementary_weight: NonNegative = 2.0,
        temperature: Annotated[float, Field(gt=0)] = 4.0,
        divergence: Literal["kl", "dkd"] = "kl",
        target_weight: NonNegative = 1.0,
        nontarget_weight: NonNegative = 8.0,
        variant: Literal["original", "published_code"] = "original",
    ) -> None:
        super().__init__(student, teacher)
        self.ce_weight = ce_weight
        self.kd_weight = kd_weight
        self.complementary_weight = complementary_weight
        self.temperature = temperature
        self.divergence = divergence
        self.target_weight = target_weight
        self.nontarget_weight = nontarget_weight
        self.variant = variant
        self.reads_labels = divergence == "dkd" or variant == "published_code"
        for model in (self.student, self.teacher):
            if linear_classifier(model) is None:
                raise ModelError(
                    f"sdd classifies parts of the average-pooled last map by a linear classifier, and "
                    f"{model.architecture} has none: use another network or method"
                )

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        features, taught = self._of_both(
            lambda: last_map(self.student, batch.pixels), lambda: last_map(self.teacher, batch.pixels), batch
        )
        finest = min(*features.shape[2:], *taught.shape[2:])
        scales = [scale for scale in SCALES if scale <= finest]
        network: Any = self.student.module
        logits = _known(self.student, network.forward_head(features))
        student = _cell_logits(self.student, features, scales)
        with torch.no_grad():
            teacher = _cell_logits(self.teacher, taught, scales)
            labels = batch.labels if self.variant == "published_code" else None
            weights = consistency_weights(teacher, self.complementary_weight, labels)
        losses = {
            "cross_entropy": self.ce_weight * self.cross_entropy(logits, batch),
            "scales": self.kd_weight * self._compared(student, teacher, weights, batch.labels),
        }
        return Supervision(logits, losses)

    def _compared(self, student: Tensor, teacher: Tensor, weights: Tensor, labels: Tensor) -> Tensor:
        temperature = self.temperature
        if self.divergence == "kl":
            return scale_decoupled_loss(student, teacher, weights, temperature)
        images, cells = weights.shape
        repeated = labels.repeat_interleave(cells)
        flat = [each.flatten(0, 1).float() for each in (student, teacher)]
        target = [label_against_others(each, repeated, temperature).unflatten(0, (images, cells)) for each in flat]
        nontarget = [among_others(each, repeated).unflatten(0, (images, cells)) for each in flat]
        return self.target_weight * scale_decoupled_loss(
            target[0], target[1], weights, temperature
        ) + self.nontarget_weight * scale_decoupled_loss(nontarget[0], nontarget[1], weights, temperature)


def _cell_logits(model: PixelModel, features: Tensor, scales: list[int]) -> Tensor:
    """The logits of all cells of grids on a map, (B, N, K); the first cell is the whole map."""
    cells = torch.cat([F.adaptive_avg_pool2d(features, scale).flatten(2) for scale in scales], dim=2)
    network: Any = model.module
    return _known(model, network.get_classifier()(cells.transpose(1, 2)))


def _known(model: PixelModel, logits: Tensor) -> Tensor:
    return logits if model.classes is None else logits[..., model.classes]
