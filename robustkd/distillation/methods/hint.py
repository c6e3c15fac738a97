"""`hint`: regress a middle block of the teacher from the student's while the student learns the labels.

    L = CE(z_s, y) + hint_weight · mean((r(f_s) − f_t)²)

f is the output of block 2, r a linear 1×1 convolution that is trained with the student. Unlike `fitnet`, there is one
stage and no distillation of predictions. Ojha et al., *What Knowledge Gets Distilled in Knowledge Distillation?* (arXiv
2205.16004), the method Hint, after FitNets (arXiv 1412.6550), whose weight of 1 it has.

Variants: `original` has the linear regressor. `tian2020` follows the benchmark code of Tian et al. 2020 (arXiv
    1910.10699), whose regressor ends in batch normalisation and a rectifier: it cannot match negative block outputs.
    This is what the toolkits HobbitLong/RepDistiller, that code, and megvii-research/mdistiller, which took it over,
    call FitNet; it is there to reproduce their numbers, not to be used. Its published weight of 100 belongs to
    normalised outputs; on digits it makes the linear regressor diverge.

Deviations: if the maps differ in size, the larger is average-pooled to the smaller; the benchmark code uses strided and
    transposed convolutions instead. Block 3 is the last feature map before pooling; choose it with `hint_block`.
"""

from typing import Literal

from torch import nn

from robustkd.data import Batch
from robustkd.distillation.blocks import paper_block
from robustkd.distillation.initial_weights import seeded_by
from robustkd.distillation.losses import feature_loss
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.recipe import NonNegative
from robustkd.models import PixelModel

Variant = Literal["original", "tian2020"]


@METHODS.register("hint")
class Hint(Method):
    """Regress a block of the teacher from the student's, together with learning the labels.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        hint_block: The block that is regressed, 1 to 3.
        hint_weight: The weight of the regression; that of `tian2020` is 100 in its benchmark.
        variant: `original` has a linear regressor; `tian2020` adds batch normalisation and a rectifier to it.

    Raises:
        ModelError: A network lacks timm's `feature_info`, or lists too few blocks.
    """

    cites = "Romero et al. 2015; Ojha et al. 2023"
    matches = "feature"
    cost = 1.9

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        hint_block: Literal[1, 2, 3] = 2,
        hint_weight: NonNegative = 1.0,
        variant: Variant = "original",
    ) -> None:
        super().__init__(student, teacher)
        self.hint_block = hint_block
        self.hint_weight = hint_weight
        self.variant: Variant = variant
        have, need = (paper_block(model.block_channels, hint_block) for model in (self.student, self.teacher))
        with seeded_by(student):
            self.regressor = nn.Sequential(nn.Conv2d(have, need, kernel_size=1))
            if variant == "tian2020":
                self.regressor.extend([nn.BatchNorm2d(need), nn.ReLU()])

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        student, teacher = self.outputs_of_both(batch)
        regressed = self.regressor(paper_block(student.blocks, self.hint_block))
        losses = {
            "cross_entropy": self.cross_entropy(student.logits, batch),
            "hint": self.hint_weight * feature_loss(regressed, paper_block(teacher.blocks, self.hint_block)),
        }
        return Supervision(student.logits, losses)
