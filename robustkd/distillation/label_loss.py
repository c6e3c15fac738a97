"""The cross-entropy with the labels of a batch, of which some images may have none, and others may be mixed of two."""

import torch.nn.functional as F
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.precision import in_full_precision


@in_full_precision
def label_loss(logits: Tensor, batch: Batch, label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy with the labels of a batch, averaged over its labelled images; 0 where none is labelled.

    A mixture of two images counts as λ · CE(z, y) + (1 − λ) · CE(z, y'), for the share λ of the first (Zhang et al.
    2018, arXiv 1710.09412).

    Args:
        logits: (B, K).
        batch: The batch.
        label_smoothing: See `losses.cross_entropy`.

    Returns:
        A scalar ≥ 0, in nats.
    """

    def errors(labels: Tensor, reduction: str) -> Tensor:
        return F.cross_entropy(logits, labels, label_smoothing=label_smoothing, reduction=reduction)

    if batch.mixture is not None:
        share = batch.mixture.share
        mixed = share * errors(batch.labels, "none") + (1 - share) * errors(batch.mixture.labels, "none")
        return mixed.sum() / batch.labelled.sum().clamp(min=1)
    if batch.complete:
        return errors(batch.labels, "mean")
    return errors(batch.labels, "sum") / batch.labelled.sum().clamp(min=1)
