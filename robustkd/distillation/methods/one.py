"""`one`: three branches of one network, taught by their own gated ensemble.

    L = Σ_i CE(z_i, y) + CE(z_e, y) + w(epoch) · T² · Σ_i KL(p_e^T ‖ p_i^T),    z_e = Σ_i g_i · z_i

    w(epoch) = exp(−5 (1 − epoch / E)²) before epoch E = ramp_up · epochs, then 1

No teacher. The branches share the stem and all blocks but the last, and each has its own last block and head; g is the
gate: pool the shared features → linear → batch normalisation → rectifier → softmax. The ensemble is a fixed target
for the branches. Lan, Zhu, Gong, *Knowledge Distillation by On-the-Fly Native Ensemble* (arXiv 1806.04606), equations 3
to 8; the ramp-up is that of its published code, 80 of 300 epochs, in proportion to the epochs of a training: within 20
epochs, 80 would leave w below 0.06. T from sarfraz2020, Table I.

There is no `standardise_logits`, as `hinton` has it: the ensemble's logits are means of those of the branches, so that
there is no scale of another network to do without.

All branches may be exported. The first is the student itself; the recipe's rule ``last`` exports the one that `branch`
states.
"""

import copy
import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from robustkd.data import Batch
from robustkd.distillation.blocks import paper_block, probe
from robustkd.distillation.initial_weights import seeded_by, twin
from robustkd.distillation.losses import kd_loss
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.errors import ModelError
from robustkd.models import PixelModel

BRANCHES = 3


@in_full_precision
def gated_ensemble(gates: Tensor, logits: Tensor) -> Tensor:
    """Compute the logits of the ensemble.

    Args:
        gates: The weights of the branches, (B, branches).
        logits: (branches, B, K).

    Returns:
        (B, K).
    """
    return torch.einsum("bi,ibk->bk", gates, logits)


def ensemble_loss(logits: Sequence[Tensor], ensemble: Tensor, temperature: float) -> Tensor:
    """Sum over the branches of T² · KL from the ensemble to the branch.

    Args:
        logits: The logits of each branch, (B, K).
        ensemble: (B, K); it gets no gradient.
        temperature: T > 0.

    Returns:
        A scalar ≥ 0.

    >>> import torch
    >>> import robustkd as rk
    >>> logits = torch.tensor([[1.0, 0.0]])
    >>> round(rk.losses.ensemble_loss([logits, logits], logits, 3.0).item(), 4)
    0.0
    """
    return torch.stack([kd_loss(each, ensemble.detach(), temperature) for each in logits]).sum()


def ramp_up(epoch: int, length: float) -> float:
    """Return the weight of the distillation term: exp(−5) in epoch 0, 1 from epoch `length` on."""
    return math.exp(-5 * (1 - epoch / length) ** 2) if epoch < length else 1.0


def tail(model: PixelModel) -> nn.Module:
    """Reduce a network, in place, to the part after its last block but one: everything before becomes an identity.

    Args:
        model: The network. Its last block but one must be a separate module in `feature_info`, and everything that runs
            before that block must be defined before it.

    Returns:
        A module that maps the output of that block, (B, C, H, W), to logits, (B, K).
    """
    parent: nn.Module = model.module
    names = paper_block(_taps(model), 2).split(".")
    for depth, name in enumerate(names, start=1):
        children = [child for child, _ in parent.named_children()]
        position = children.index(name)
        for earlier in children[: position + (depth == len(names))]:
            setattr(parent, earlier, nn.Identity())
        parent = parent.get_submodule(name)
    return model.module


@METHODS.register("one")
class OnTheFlyNativeEnsemble(Method):
    """Train three branches of one network that match their ensemble.

    Args:
        student: The network to train; the branches are copies of its last block and head with other initial weights.
        teacher: Not used.
        temperature: T, the temperature of all softened predictions.
        ramp_up: The share of the epochs in which the distillation term reaches its full weight, 0 to 1; 0 for full
            weight from the start.
        branch: The branch that is exported if none is chosen by accuracy.

    Raises:
        ModelError: The network cannot be branched at its last block, or timm does not know its architecture.
    """

    cites = "Lan et al. 2018"
    matches = "online"
    cost = 1.6
    version = 2
    needs_teacher = False
    weight: Tensor

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        temperature: Annotated[float, Field(gt=0)] = 3.0,
        ramp_up: Annotated[float, Field(ge=0, le=1)] = 80 / 300,
        branch: Literal[1, 2, 3] = 1,
    ) -> None:
        super().__init__(student, teacher)
        self.temperature = temperature
        self.ramp_up = ramp_up
        self.branch = branch
        self.chosen = branch - 1
        _refuse_unbranchable(student)
        # the student itself is the first branch
        self.tails = nn.ModuleList(tail(twin(student, index)) for index in range(1, BRANCHES))
        with seeded_by(student):
            self.gate = nn.Sequential(
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
                nn.Linear(paper_block(student.block_channels, 2), BRANCHES),
                nn.BatchNorm1d(BRANCHES),
                nn.ReLU(),
                nn.Softmax(dim=1),
            )
        # a tensor, so that a compiled step is not compiled again in every epoch
        self.register_buffer("weight", torch.ones(()), persistent=False)

    def begin_epoch(self, stage: str, epoch: int, epochs: int) -> None:
        """Raise the weight of the distillation term."""
        super().begin_epoch(stage, epoch, epochs)
        self.weight.fill_(ramp_up(epoch, self.ramp_up * epochs))

    def forward(self, batch: Batch) -> Supervision:
        """Supervise all branches on one batch."""
        outputs = self.student.outputs(batch.pixels)
        shared = paper_block(outputs.blocks, 2)
        logits = [outputs.logits, *(branch(shared) for branch in self.tails)]
        ensemble = gated_ensemble(self.gate(shared), torch.stack(logits))
        errors = [self.cross_entropy(each, batch) for each in (*logits, ensemble)]
        losses = {
            "cross_entropy": torch.stack(errors).sum(),
            "ensemble": self.weight * ensemble_loss(logits, ensemble, self.temperature),
        }
        return Supervision(logits[self.branch - 1], losses)

    def candidates(self) -> tuple[PixelModel, ...]:
        """Return each branch with the shared part as a whole network; all but the first are copies."""
        return (self.student, *(self._whole(each) for each in self.tails))

    def _whole(self, branch: nn.Module) -> PixelModel:
        whole = copy.deepcopy(self.student)
        # a tail's modules are named as in the whole network
        whole.module.load_state_dict(branch.state_dict(), strict=False)
        return whole


def _taps(model: PixelModel) -> list[str]:
    return [str(info["module"]) for info in getattr(model.module, "feature_info", [])]


@torch.no_grad()
def _refuse_unbranchable(model: PixelModel) -> None:
    whole = probe(model)
    rest: Any = tail(copy.deepcopy(model).eval())
    try:
        pooled = rest.forward_head(rest.forward_features(paper_block(whole.blocks, 2)), pre_logits=True)
        agrees = torch.allclose(pooled, whole.pooled, rtol=1e-3, atol=1e-4 * float(whole.pooled.abs().max()))
    except Exception:  # a network that is cut apart may fail in any way
        agrees = False
    if not agrees:
        raise ModelError(
            f"{model.architecture} cannot be branched after {paper_block(_taps(model), 2)}, its last block but one: "
            "the part before it is not a chain of modules; use another network or method"
        )
