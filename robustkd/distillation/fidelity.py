"""Fidelity of a network to its teacher along a training."""

import torch
import torch.nn.functional as F
from torch import Tensor

from robustkd.data import ImageSet
from robustkd.distillation.accuracy import EVALUATION_BATCH_SIZE
from robustkd.models import PixelModel


class Fidelity:
    """Compares networks with a teacher on test images; the teacher is asked once.

    Args:
        teacher: The teacher, on the device.
        images: The images, on the device.
        device: The device.
    """

    def __init__(self, teacher: PixelModel, images: ImageSet, device: torch.device) -> None:
        self._images = images
        self._device = device
        self._teacher = torch.cat(_logits(teacher, images, device))

    def of(self, model: PixelModel) -> Tensor:
        """Return agreement and divergence of a network, without waiting for the device.

        Args:
            model: The network, whose mode is restored.

        Returns:
            float64 (2,): the share of images with the teacher's prediction, 0 to 1, and the mean of KL(p_t ‖ p_s) at
            T = 1, in nats (Stanton et al., arXiv 2106.05945, section 3).
        """
        training = model.training
        logits = torch.cat(_logits(model.eval(), self._images, self._device))
        model.train(training)
        agreement = (logits.argmax(1) == self._teacher.argmax(1)).double().mean()
        student, teacher = (each.double().log_softmax(1) for each in (logits, self._teacher))
        return torch.stack([agreement, F.kl_div(student, teacher, reduction="batchmean", log_target=True)])


@torch.no_grad()
def _logits(model: PixelModel, images: ImageSet, device: torch.device) -> list[Tensor]:
    starts = range(0, len(images), EVALUATION_BATCH_SIZE)
    return [model(images.pixels(start, start + EVALUATION_BATCH_SIZE, device)).float() for start in starts]
