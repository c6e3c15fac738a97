"""`cleanlab`: train on the labels that confident learning believes.

    L = CE(z, y)    over the images whose label is no issue

First, two networks of the student's architecture cross-validate: each learns the labels of one half of each class, and
in its last epoch predicts the images of the other half. From these predictions, which no network has memorised,
confident learning estimates how often each class is mistaken for each other, and which labels are likely issues: those
of images that are most clearly of another class, as many as the estimate says. Then the student is trained by the whole
recipe. `action: filter` gives images with an issue no loss, `relabel` gives them the class that was predicted for them.
No teacher. Layer: output. Northcutt, Jiang, Chuang, *Confident Learning: Estimating Uncertainty in Dataset Labels*
(arXiv 1911.00068), with the implementation of its authors, cleanlab.

The mean of the loss is over the images of a batch that have a label left. Accuracies in the history are those of the
networks that are being trained: on training images, by the given labels; on other images, that of the first half's
network, and then the student's. All networks have their own initial weights; the student begins with those that a
`baseline` of the same seed begins with.

Deviations: halves where the paper has four parts. Both networks see all images, so that batches keep their size: batch
    normalisation takes its statistics from all of them, but labels of the other half are never used. Images are
    predicted as they are augmented in the last epoch, batch by batch while the networks are still trained, in
    evaluation mode. The paper also weighs classes by the share that was filtered, which is left out.

Every class must have two images or none, and no image may occur twice, since a copy could be in the other half. The
state of a training holds N · K predictions, 20 MB for 50,000 images of 100 classes.
"""

import warnings
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from robustkd.data import Batch
from robustkd.data.batches import UNLABELLED
from robustkd.distillation.adversarial_training import evaluating
from robustkd.distillation.class_counts import class_counts
from robustkd.distillation.initial_weights import twin
from robustkd.distillation.method import METHODS, Method, Stage, Supervision
from robustkd.distillation.recipe import Recipe
from robustkd.errors import DataError, TrainingError
from robustkd.models import PixelModel

CROSS_VALIDATION = "cross-validation"
"""The name of the first stage."""

HALVES_SEED = 0
"""The seed of the draw of the halves, which are the same whatever the seed of the training."""

FilterBy = Literal[
    "prune_by_noise_rate",
    "prune_by_class",
    "both",
    "confident_learning",
    "predicted_neq_given",
    "low_normalized_margin",
    "low_self_confidence",
]


def second_half(labels: Tensor) -> Tensor:
    """Draw a half of each class; of an odd number, the smaller part.

    Args:
        labels: int64 (N,), on the CPU.

    Returns:
        bool (N,).
    """
    generator = torch.Generator().manual_seed(HALVES_SEED)
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique():
        members = torch.nonzero(labels == label)[:, 0]
        chosen[members[torch.randperm(len(members), generator=generator)[: len(members) // 2]]] = True
    return chosen


def label_issues(labels: Tensor, probabilities: Tensor, filter_by: FilterBy = "prune_by_noise_rate") -> Tensor:
    """Find labels that are likely wrong, with cleanlab.

    Args:
        labels: int64 (N,), on the CPU.
        probabilities: float (N, K), the predictions of networks that have not seen these labels.
        filter_by: How cleanlab chooses among the candidates.

    Returns:
        bool (N,).
    """
    from cleanlab.filter import find_label_issues

    present, compact = np.unique(labels.numpy(), return_inverse=True)
    if len(present) < 2:
        return torch.zeros(len(labels), dtype=torch.bool)
    # cleanlab misjudges classes that have no label; a network that is certain of one says nothing about the others
    some = probabilities.double().numpy()[:, present]
    totals = some.sum(axis=1, keepdims=True)
    some = np.divide(some, totals, out=np.full_like(some, 1 / len(present)), where=totals > 0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "May not flag all label issues")
        # without n_jobs=1 it forks, which crashes a process that uses a GPU
        found: Any = find_label_issues(compact, some, filter_by=filter_by, n_jobs=1, verbose=False)
    return torch.from_numpy(np.array(found, dtype=bool))


@METHODS.register("cleanlab")
class ConfidentLearning(Method):
    """Train on what confident learning leaves of labels of which some are wrong, without a teacher.

    Args:
        student: The network to train; the networks of the cross-validation have its architecture.
        teacher: Not used.
        action: What becomes of images whose label is an issue: ``filter`` leaves them out, ``relabel`` gives them the
            class that the network of the other half predicts.
        filter_by: How cleanlab chooses issues, as in `cleanlab.filter.find_label_issues`: by the estimated number of
            images of each class that are labelled as each other class, or as one of its other options says.
        cross_validation: The share of the recipe's epochs that the cross-validation takes, above 0, at most 1; it has
            at least one epoch. Where it is short, its networks find fewer issues, and take clean labels for some.

    Raises:
        ModelError: timm does not know the student's architecture, so no other network can be built.
    """

    cites = "Northcutt et al. 2021"
    matches = "labels"
    cost = 3.1
    needs_teacher = False
    reads_labels = True
    takes_copies = False
    labels: Tensor
    second: Tensor
    probabilities: Tensor
    targets: Tensor

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        action: Literal["filter", "relabel"] = "filter",
        filter_by: FilterBy = "prune_by_noise_rate",
        cross_validation: Annotated[float, Field(gt=0, le=1)] = 1.0,
    ) -> None:
        super().__init__(student, teacher)
        self.action = action
        self.filter_by: FilterBy = filter_by
        self.cross_validation = cross_validation
        self.first_network, self.second_network = twin(student, 1), twin(student, 2)
        self.predicts = False

    def stages(self, recipe: Recipe) -> tuple[Stage, ...]:
        """Put the cross-validation before the training, by the same recipe with all epochs in proportion."""
        share = self.cross_validation
        epochs = max(1, round(share * recipe.epochs))
        milestones = tuple(max(1, round(share * milestone)) for milestone in recipe.milestones)
        warmup_epochs = min(round(share * recipe.warmup_epochs), epochs - 1)
        first = replace(recipe, epochs=epochs, milestones=milestones, warmup_epochs=warmup_epochs)
        return (Stage(CROSS_VALIDATION, first), Stage("training", recipe))

    def trained(self, stage: str) -> list[nn.Parameter]:
        """Return those of the networks of the cross-validation, and then those of the student."""
        networks = (self.first_network, self.second_network) if stage == CROSS_VALIDATION else (self.student,)
        return [parameter for network in networks for parameter in network.parameters()]

    def prepare(self, labels: Tensor) -> None:
        """Draw the halves, and make room for predictions and for the labels that are left.

        Args:
            labels: int64 (N,).

        Raises:
            DataError: A class has only one image.
        """
        counts = class_counts(labels, self.student.num_classes)
        if (counts == 1).any():
            alone = int((counts == 1).nonzero()[0])
            raise DataError(f"cleanlab needs two images of each class to cross-validate, and class {alone} has one")
        self.register_buffer("labels", labels.clone(), persistent=False)
        self.register_buffer("second", second_half(labels), persistent=False)
        # a row of zeros stands for an image that is not predicted yet
        self.register_buffer("probabilities", torch.zeros(len(labels), len(counts)))
        self.register_buffer("targets", labels.clone())

    def begin_epoch(self, stage: str, epoch: int, epochs: int) -> None:
        """Begin to predict in the last epoch of the cross-validation; judge the labels before the training."""
        super().begin_epoch(stage, epoch, epochs)
        self.predicts = stage == CROSS_VALIDATION and epoch == epochs - 1
        if stage != CROSS_VALIDATION and epoch == 0:
            self._judge()

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the networks of the stage on one batch."""
        if batch.indices is None or not hasattr(self, "targets"):
            raise ValueError(
                "cleanlab must know which training images it sees: call prepare first, and give Batch.indices"
            )
        if self.stage != CROSS_VALIDATION:
            logits = self.student(batch.pixels)
            left = replace(batch, labels=self.targets[batch.indices], complete=False)
            return Supervision(logits, {"cross_entropy": self.cross_entropy(logits, left)})
        second = self.second[batch.indices]
        pair = self.first_network(batch.pixels), self.second_network(batch.pixels)
        losses = {
            name: self.cross_entropy(logits, _only(batch, own))
            for name, logits, own in zip(("first_half", "second_half"), pair, (~second, second), strict=True)
        }
        if self.predicts:
            # afterwards: in some versions of torch, autocast reuses weights that were converted without gradient
            self._predict(batch.pixels, batch.indices, second)
        return Supervision(torch.where(second[:, None], pair[1], pair[0]), losses)

    def candidates(self) -> tuple[PixelModel, ...]:
        """Return the student; during the cross-validation, the network of the first half."""
        return (self.first_network if self.stage == CROSS_VALIDATION else self.student,)

    @torch.no_grad()
    def _predict(self, pixels: Tensor, indices: Tensor, second: Tensor) -> None:
        """Let each network predict the half that it does not learn."""
        logits = []
        for network in (self.first_network, self.second_network):
            with evaluating(network):
                logits.append(network(pixels))
        unseen = torch.where(second[:, None], logits[0], logits[1])
        self.probabilities.index_copy_(0, indices, unseen.float().softmax(1))

    def _judge(self) -> None:
        """Decide what the student learns; all labels stay where not every image was predicted."""
        labels, probabilities = self.labels.cpu(), self.probabilities.cpu()
        if not probabilities.isfinite().all():
            raise TrainingError(
                f"cleanlab: {int((~probabilities.isfinite().all(1)).sum())} of {len(labels)} predictions of the "
                "cross-validation are not finite: lower the learning rate"
            )
        if not (probabilities.sum(1) > 0).all():
            return
        issues = label_issues(labels, probabilities, self.filter_by)
        instead = probabilities.argmax(1) if self.action == "relabel" else torch.full_like(labels, UNLABELLED)
        self.targets.copy_(torch.where(issues, instead, labels))


def _only(batch: Batch, chosen: Tensor) -> Batch:
    """A batch in which only some images have their label."""
    return replace(batch, labels=torch.where(chosen, batch.labels, UNLABELLED), complete=False)
