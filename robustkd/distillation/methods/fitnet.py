"""`fitnet`: regress the teacher's middle block from the student's, then train as `hinton` does.

    initialisation:  L = hint_weight · mean((r(f_s) − f_t)²)                       sarfraz2020
                     L = hint_weight · mean over positions of ½ Σ_c (r(f_s) − f_t)²   original
    training:        `hinton`

f is the output of block 2, r a linear 1×1 convolution. The first stage trains r and the student up to block 2. Romero
et al., *FitNets: Hints for Thin Deep Nets* (arXiv 1412.6550), equation 3; layer (W = [0, 1, 0]) and weights of
sarfraz2020, Table I.

Variants: `sarfraz2020` takes the mean of squares, and has no regressor if student and teacher have the same number of
    channels. `original` takes half the sum over channels, and always has a regressor.

Deviations: `original` takes the mean over positions, where equation 3 has a sum, so that one learning rate serves maps
of every size. The regressor does not end in a rectifier, which could not match negative block outputs. If the maps
differ in size, the larger is average-pooled to the smaller; the paper's regressor has a kernel that maps to the
teacher's size instead.

What the toolkits RepDistiller and mdistiller call FitNet, one stage with a regressor that ends in a rectifier, is the
variant `tian2020` of `hint`, for ``hint_weight: 100``.
"""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from robustkd.distillation.blocks import paper_block, parameters_behind
from robustkd.distillation.initial_weights import seeded_by
from robustkd.distillation.losses import feature_loss
from robustkd.distillation.method import METHODS
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.distillation.two_stage import TwoStage
from robustkd.models import Outputs, PixelModel

Variant = Literal["sarfraz2020", "original"]


@in_full_precision
def hint_loss(student: Tensor, teacher: Tensor, *, variant: Variant = "sarfraz2020") -> Tensor:
    """Squared difference of two feature maps, averaged over images and positions.

    Args:
        student: The output of the regressor, (B, C, H, W).
        teacher: (B, C, H', W').
        variant: ``sarfraz2020`` takes the mean over channels, ``original`` half the sum.

    Returns:
        A scalar ≥ 0.

    >>> import torch
    >>> import robustkd as rk
    >>> rk.losses.hint_loss(torch.zeros(1, 2, 2, 2), 3 * torch.ones(1, 2, 2, 2)).item()  # 3²
    9.0
    """
    loss = feature_loss(student, teacher)
    return loss * (student.shape[1] / 2) if variant == "original" else loss


@METHODS.register("fitnet")
class FitNet(TwoStage):
    """Initialise the student by regressing a block of the teacher, then match its softened predictions.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        hint_block: The block that is regressed, 1 to 3.
        hint_weight: The weight of the loss of the first stage.
        kd_weight: The weight of the distillation term of the second stage, 0 to 1; the labels have the rest.
        temperature: T, the temperature of both softened predictions in the second stage.
        init_epochs: The number of epochs of the first stage; None for half of the second's.
        variant: `sarfraz2020` follows the code of Sarfraz et al. 2020, `original` the original paper.
        standardise_logits: Whether both networks' logits are standardised before the second stage compares them (Sun et
            al. 2024, arXiv 2403.01993).

    Raises:
        ModelError: A network lacks timm's `feature_info`, or lists too few blocks.
    """

    cites = "Romero et al. 2015"
    matches = "feature"
    cost = 2.7
    version = 3

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        hint_block: Literal[1, 2, 3] = 2,
        hint_weight: NonNegative = 1.0,
        kd_weight: Annotated[float, Field(ge=0, le=1)] = 0.9,
        temperature: Annotated[float, Field(gt=0)] = 4.0,
        init_epochs: Annotated[int, Field(ge=1)] | None = None,
        variant: Variant = "sarfraz2020",
        standardise_logits: bool = False,
    ) -> None:
        super().__init__(
            student,
            teacher,
            kd_weight=kd_weight,
            temperature=temperature,
            init_epochs=init_epochs,
            standardise_logits=standardise_logits,
        )
        self.hint_block = hint_block
        self.hint_weight = hint_weight
        self.variant: Variant = variant
        have, need = (paper_block(model.block_channels, hint_block) for model in (self.student, self.teacher))
        bare = variant == "sarfraz2020" and have == need
        with seeded_by(student):
            self.regressor: nn.Module = nn.Identity() if bare else nn.Conv2d(have, need, kernel_size=1)

    def initialised(self) -> list[nn.Parameter]:
        """Return the regressor and the student up to the block."""
        return [*parameters_behind(self.student, [self.hint_block]), *self.regressor.parameters()]

    def initialisation_losses(self, student: Outputs, teacher: Outputs) -> dict[str, Tensor]:
        """Regress the teacher's block."""
        regressed = self.regressor(paper_block(student.blocks, self.hint_block))
        loss = hint_loss(regressed, paper_block(teacher.blocks, self.hint_block), variant=self.variant)
        return {"hint": self.hint_weight * loss}
