"""`fsp`: match how the teacher's features change from block to block, then train as `hinton` does.

    initialisation:  L = Σ_i flow_weights_i · mean((G_s,i − G_t,i)²),    G = Σ_positions F1 · F2ᵀ / (H·W)
    training:        `hinton`

The pairs (F1, F2) are (stem, block 1), (block 1, block 2), (block 2, block 3); if the maps of a pair differ in
size, the larger is max-pooled to the smaller. The first stage trains all parameters that block 3 depends on. Yim et
al., *A Gift from Knowledge Distillation* (CVPR 2017), equations 1 and 2; weights of sarfraz2020, Table I.

Variants: `sarfraz2020` takes the mean of squares over the C1×C2 entries of G, `original` their sum; both average
over the batch. They differ by a factor of C1·C2, so weights cannot be carried over.

Two more are what widely copied code computes. They are there to reproduce its numbers, not to be used. `torchdistill`
(the `FSPLoss` of yoshitomo-matsubara/torchdistill) averages over the batch Σ_j ‖column j of G_s − G_t‖₂: norms, where
equation 2 has squares. `rep_distiller` (the `FSP` of HobbitLong/RepDistiller) takes the mean of squares, and
average-pools the larger map of a pair where the paper max-pools it; its weights are 1, 1, 1, and its second stage
learns the labels alone, with ``kd_weight: 0``.
"""

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from robustkd.distillation.blocks import paper_block, parameters_behind, to_common_size
from robustkd.distillation.method import METHODS
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.distillation.two_stage import TwoStage
from robustkd.errors import ModelError
from robustkd.models import Outputs, PixelModel

Variant = Literal["sarfraz2020", "original", "torchdistill", "rep_distiller"]
PAIRS = ((0, 1), (1, 2), (2, 3))
"""The pairs of blocks between which the flow is matched; 0 is the stem."""


@in_full_precision
def flow(first: Tensor, second: Tensor, *, variant: Variant = "sarfraz2020") -> Tensor:
    """The flow matrix between two feature maps of one network.

    Args:
        first: (B, C1, H, W).
        second: (B, C2, H', W').
        variant: ``rep_distiller`` average-pools the larger of two maps that differ in size; the others max-pool it.

    Returns:
        (B, C1, C2).

    >>> import torch
    >>> import robustkd as rk
    >>> rk.losses.flow(torch.ones(1, 1, 2, 2), 3 * torch.ones(1, 2, 2, 2)).tolist()
    [[[3.0, 3.0]]]
    """
    pool = F.adaptive_avg_pool2d if variant == "rep_distiller" else F.adaptive_max_pool2d
    first, second = to_common_size(first, second, pool)
    positions = first.shape[2] * first.shape[3]
    return first.flatten(2) @ second.flatten(2).transpose(1, 2) / positions


@in_full_precision
def flow_loss(student: Tensor, teacher: Tensor, *, variant: Variant = "sarfraz2020") -> Tensor:
    """Distance between the flow matrices of one pair of blocks.

    Args:
        student: (B, C1, C2).
        teacher: (B, C1, C2).
        variant: `sarfraz2020` and `rep_distiller`: mean of squares; `original`: mean over the batch of their sum;
            `torchdistill`: mean over the batch of the sum of the L2 norms of the C2 columns.

    Returns:
        A scalar ≥ 0.

    >>> import torch
    >>> import robustkd as rk
    >>> rk.losses.flow_loss(torch.zeros(1, 2, 2), torch.ones(1, 2, 2)).item()
    1.0
    """
    difference = student - teacher
    match variant:
        case "original":
            return difference.square().sum(dim=(1, 2)).mean()
        case "torchdistill":
            return torch.linalg.vector_norm(difference, dim=1).sum(dim=1).mean()
        case _:
            return difference.square().mean()


@METHODS.register("fsp")
class FlowOfSolutionProcedure(TwoStage):
    """Initialise the student by matching the teacher's flow matrices, then match its softened predictions.

    Args:
        student: The network to train.
        teacher: The network to learn from; its stem and blocks must have the student's numbers of channels.
        flow_weights: W, the weights of the three pairs of blocks.
        kd_weight: The weight of the distillation term of the second stage, 0 to 1; the labels have the rest.
        temperature: T, the temperature of both softened predictions in the second stage.
        init_epochs: The number of epochs of the first stage; None for half of the second's.
        variant: `sarfraz2020` follows the code of Sarfraz et al. 2020, `original` the original paper, `torchdistill`
            and `rep_distiller` toolkits that depart from it.
        standardise_logits: Whether both networks' logits are standardised before the second stage compares them (Sun et
            al. 2024, arXiv 2403.01993).

    Raises:
        ModelError: The networks differ in channels, lack timm's `feature_info`, or list too few blocks.
    """

    cites = "Yim et al. 2017"
    matches = "relation"
    cost = 2.9
    version = 2

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        flow_weights: tuple[NonNegative, NonNegative, NonNegative] = (1.0, 3.0, 1.0),
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
        self.flow_weights = flow_weights
        self.variant: Variant = variant
        have, need = (
            [paper_block(model.block_channels, number) for number in range(4)] for model in (self.student, self.teacher)
        )
        if have != need:
            raise ModelError(
                f"fsp compares channel by channel: stem and blocks of the student {student.architecture} have {have} "
                f"channels, those of the teacher {self.teacher.architecture} {need}; use networks of equal widths or "
                "another method"
            )

    def initialised(self) -> list[nn.Parameter]:
        """Return all parameters that block 3 depends on."""
        return parameters_behind(self.student, range(4))

    def initialisation_losses(self, student: Outputs, teacher: Outputs) -> dict[str, Tensor]:
        """Compare the flow of every pair of blocks."""
        distances = [
            weight
            * flow_loss(
                *(
                    flow(paper_block(outputs.blocks, first), paper_block(outputs.blocks, second), variant=self.variant)
                    for outputs in (student, teacher)
                ),
                variant=self.variant,
            )
            for weight, (first, second) in zip(self.flow_weights, PAIRS, strict=True)
        ]
        return {"flow": torch.stack(distances).sum()}
