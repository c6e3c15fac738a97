"""`crd`: tell the teacher's embedding of an image from its embeddings of images of other classes.

    L = CE(z_s, y) + crd_weight · (C(s, M_t) + C(t, M_s))

    C(v, M) = −1/b Σ_i (log h(v_i, M_i) + Σ_{j in K negatives} log(1 − h(v_i, M_j)))

    h(v, m) = e / (e + K/N),    e = exp(v·m / T) / Z

s and t are the embeddings of an image: the pooled features that the classifier sees, projected linearly to `feat_dim`
numbers and scaled to unit L2 norm; both projections are trained. M_s and M_t hold an embedding of each of the N
training images; after each step, those of the batch become momentum · m + (1 − momentum) · v, scaled to unit norm. The
negatives of an image are drawn from the images of other classes, anew in every step. Tian, Krishnan, Isola,
*Contrastive Representation Distillation* (arXiv 1910.10699), section 3.2: the critic loss and h, with both networks as
the anchor as in the published code, from which the constants are. The paper states T = 0.1 for CIFAR-100.

Variants: `tian2020` is the published code: Z, one for each bank, is N times the mean of exp(v·m / T) over the positives
    and negatives of the first batch, and stays. `original` is the paper's h, where Z = 1; it begins with a loss about a
    hundred times as large (1,737 against 18 in the first epoch on digits).

Deviations: negatives are drawn with replacement; the published code draws them without, if there are enough. That code
adds 1e-7 to the denominators of h and 1 − h.

Memory: the banks have 2 · N · feat_dim numbers, 51 MB for 50,000 images and 128, also in the state of a training; a
step needs their copy, and some (b, N) matrices of 26 MB for a batch of 128. Needs training images of two classes.
"""

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from robustkd.data import Batch
from robustkd.distillation.blocks import probe
from robustkd.distillation.initial_weights import seeded_by
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.errors import DataError
from robustkd.models import PixelModel

Variant = Literal["tian2020", "original"]


@in_full_precision
def contrastive_loss(
    anchors: Tensor,
    bank: Tensor,
    positives: Tensor,
    negatives: Tensor,
    *,
    temperature: float = 0.07,
    normaliser: Tensor | float = 1.0,
) -> Tensor:
    """Noise-contrastive loss of embeddings against a bank of the other network's embeddings.

    Args:
        anchors: One network's embeddings, (B, D), of unit norm.
        bank: The other network's embeddings of all training images, (N, D), of unit norm.
        positives: int64 (B,), the place of each image in the bank.
        negatives: int64 (B, K), the places of its negatives; one that occurs twice counts twice.
        temperature: T > 0.
        normaliser: Z > 0.

    Returns:
        A scalar ≥ 0, in nats: a sum over positive and negatives, averaged over the batch.

    >>> import torch
    >>> import robustkd as rk
    >>> bank = torch.eye(2)
    >>> loss = rk.losses.contrastive_loss(bank[:1], bank, torch.tensor([0]), torch.tensor([[1]]), temperature=1.0)
    >>> round(loss.item(), 4)  # ln(1 + ½ / e) + ln(1 + 1 / ½)
    1.2675
    """
    scores = (anchors @ bank.T / temperature).exp() / normaliser
    noise = negatives.shape[1] / len(bank)
    positive = scores.gather(1, positives[:, None])[:, 0]
    # draws are counted instead of gathered: gradients of a place that is drawn twice would be added in any order
    counts = torch.zeros_like(scores).scatter_add_(1, negatives, torch.ones_like(negatives, dtype=scores.dtype))
    return (torch.log1p(noise / positive) + (counts * torch.log1p(scores / noise)).sum(1)).mean()


@in_full_precision
def first_normaliser(
    anchors: Tensor, bank: Tensor, positives: Tensor, negatives: Tensor, temperature: float = 0.07
) -> Tensor:
    """Z of `tian2020`: N times the mean of exp(v·m / T) over the positives and negatives of a batch, a scalar > 0.

    Args:
        anchors: As for `contrastive_loss`; so are the others.
        bank: (N, D).
        positives: int64 (B,).
        negatives: int64 (B, K).
        temperature: T > 0.
    """
    drawn = torch.cat([positives[:, None], negatives], dim=1)
    return len(bank) * (anchors @ bank.T / temperature).exp().gather(1, drawn).mean()


@in_full_precision
def embedded(features: Tensor, projection: nn.Module) -> Tensor:
    """Project features, (B, F), and scale them to unit L2 norm, (B, D)."""
    return F.normalize(projection(features))


@METHODS.register("crd")
class ContrastiveRepresentation(Method):
    """Tell the teacher's embedding of an image from its embeddings of images of other classes.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        crd_weight: The weight of the contrastive term.
        feat_dim: The size of the embeddings.
        nce_k: K, the number of negatives of each image.
        temperature: T, by which the products of embeddings are divided.
        momentum: The share of the old embedding in the bank's new one, 0 to 1.
        variant: `tian2020` follows the published code, `original` the paper's formula.
    """

    cites = "Tian et al. 2020"
    matches = "relation"
    cost = 2.3
    reads_labels = True
    normalisers: Tensor
    student_bank: Tensor
    teacher_bank: Tensor
    by_class: Tensor
    class_start: Tensor
    class_size: Tensor

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        crd_weight: NonNegative = 0.8,
        feat_dim: Annotated[int, Field(ge=1)] = 128,
        nce_k: Annotated[int, Field(ge=1)] = 16384,
        temperature: Annotated[float, Field(gt=0)] = 0.07,
        momentum: Annotated[float, Field(ge=0, le=1)] = 0.5,
        variant: Variant = "tian2020",
    ) -> None:
        super().__init__(student, teacher)
        self.crd_weight = crd_weight
        self.feat_dim = feat_dim
        self.nce_k = nce_k
        self.temperature = temperature
        self.momentum = momentum
        self.variant: Variant = variant
        with torch.no_grad():
            widths = [probe(model).pooled.flatten(1).shape[1] for model in (student, self.teacher)]
        with seeded_by(student):
            self.student_projection, self.teacher_projection = (nn.Linear(width, feat_dim) for width in widths)
        # known before the first step: with `original` it stays
        self.normalised = variant == "original"
        self.register_buffer("normalisers", torch.full((2,), 1.0 if self.normalised else -1.0))

    def prepare(self, labels: Tensor) -> None:
        """Make the banks, with random embeddings, and sort the images by class.

        Args:
            labels: int64 (N,).

        Raises:
            DataError: All images are of one class, so there are no negatives.
        """
        sizes = torch.bincount(labels)
        if int(sizes.max()) == len(labels):
            raise DataError(f"crd needs training images of two classes, and all {len(labels)} are of one")
        with seeded_by(self.student, 1):
            bound = (3 / self.feat_dim) ** 0.5
            for name in ("student_bank", "teacher_bank"):
                self.register_buffer(name, torch.empty(len(labels), self.feat_dim).uniform_(-bound, bound))
        self.register_buffer("by_class", labels.argsort(stable=True), persistent=False)
        self.register_buffer("class_size", sizes[labels], persistent=False)
        self.register_buffer("class_start", (sizes.cumsum(0) - sizes)[labels], persistent=False)

    def begin_epoch(self, stage: str, epoch: int, epochs: int) -> None:
        """Look whether the normalisers are known; a step does not read them."""
        super().begin_epoch(stage, epoch, epochs)
        self.normalised = bool((self.normalisers > 0).all())

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch, and update the banks."""
        if batch.indices is None or not hasattr(self, "student_bank"):
            raise ValueError("crd must know which training images it sees: call prepare first, and give Batch.indices")
        outputs, teacher_outputs = self.outputs_of_both(batch)
        student = embedded(outputs.pooled.flatten(1), self.student_projection)
        teacher = embedded(teacher_outputs.pooled.flatten(1), self.teacher_projection)
        contrast = self._contrast(student, teacher, batch.indices, self.draw_negatives(batch.indices))
        self._remember(batch.indices, student.detach(), teacher.detach())
        losses = {
            "cross_entropy": self.cross_entropy(outputs.logits, batch),
            "contrast": self.crd_weight * contrast,
        }
        return Supervision(outputs.logits, losses)

    def draw_negatives(self, indices: Tensor) -> Tensor:
        """Draw images of other classes, uniformly and with replacement.

        Args:
            indices: int64 (B,), the images whose negatives are drawn.

        Returns:
            int64 (B, nce_k).
        """
        start, size = self.class_start[indices, None], self.class_size[indices, None]
        drawn = torch.randint(2**31, (len(indices), self.nce_k), device=indices.device) % (len(self.by_class) - size)
        # places from the first of the image's class on are those after its last
        return self.by_class[drawn + size * (drawn >= start)]

    def _contrast(self, student: Tensor, teacher: Tensor, indices: Tensor, negatives: Tensor) -> Tensor:
        # the backward pass needs the banks as they are now
        sides = ((student, self.teacher_bank.clone()), (teacher, self.student_bank.clone()))
        if not self.normalised:
            for place, (anchors, bank) in enumerate(sides):
                self.normalisers[place] = first_normaliser(anchors.detach(), bank, indices, negatives, self.temperature)
            self.normalised = True
        normalisers = self.normalisers.clone()
        terms = [
            contrastive_loss(
                anchors, bank, indices, negatives, temperature=self.temperature, normaliser=normalisers[place]
            )
            for place, (anchors, bank) in enumerate(sides)
        ]
        return torch.stack(terms).sum()

    @torch.no_grad()
    def _remember(self, indices: Tensor, student: Tensor, teacher: Tensor) -> None:
        for bank, seen in ((self.student_bank, student), (self.teacher_bank, teacher)):
            mixed = self.momentum * bank[indices] + (1 - self.momentum) * seen
            bank.index_copy_(0, indices, F.normalize(mixed))
