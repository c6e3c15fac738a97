"""`uda`, `uda_alone`: match predictions for other views of the images.

    L = ½ · H(x) + ½ · H(x'),    H = (1 − kd_weight) · CE(z_s, y) + kd_weight · T² · KL(p_t^T ‖ p_s^T)      (`uda`)
    L = CE(z_s(x), y) + consistency_weight · KL(p_s(x) ‖ p_s(x'))                                     (`uda_alone`)

x' is a view of the image x by AutoAugment, H the loss of `hinton`. Layer: output. `uda` is how Ruffy and Chahal, *The
State of Knowledge Distillation for Classification* (arXiv 1912.10850), distil with the views of Xie et al.,
*Unsupervised Data Augmentation for Consistency Training* (arXiv 1904.12848); T and weight as in their code. `uda_alone`
is the loss of Xie et al., equation 1, which needs no teacher: p_s(x) is a constant, and every image has its label.

Deviations: in the code of Ruffy and Chahal, x' is the whole image, changed by the policy; here it is cropped and
mirrored too, as x is. `uda_alone` has no `standardise_logits`: both predictions are the student's, so that there is no
scale of another network to do without.
"""

from typing import Annotated

from pydantic import Field

from robustkd.data import Batch
from robustkd.distillation.losses import kd_loss
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.recipe import NonNegative
from robustkd.models import PixelModel

VIEW = "auto_augment"


@METHODS.register("uda")
class ViewsOfTeacher(Method):
    """Match the teacher's softened predictions for the images and for other views of them.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        kd_weight: The weight of the distillation term, 0 to 1; the labels have the rest.
        temperature: T, the temperature of both softened predictions.
        standardise_logits: Whether both networks' logits are standardised before they are compared (Sun et al. 2024,
            arXiv 2403.01993).
    """

    cites = "Ruffy and Chahal 2019"
    matches = "data"
    cost = 4.0
    views = (VIEW,)

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        kd_weight: Annotated[float, Field(ge=0, le=1)] = 0.5,
        temperature: Annotated[float, Field(gt=0)] = 5.0,
        standardise_logits: bool = False,
    ) -> None:
        super().__init__(student, teacher)
        self.kd_weight = kd_weight
        self.temperature = temperature
        self.standardise_logits = standardise_logits

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        logits, teacher_logits = self.logits_of_both(batch)
        other = batch.seen_as(VIEW)
        others, teacher_others = self.logits_of_both(other)
        own, changed = (
            self.labels_and_teacher(
                mine,
                theirs,
                images,
                kd_weight=self.kd_weight,
                temperature=self.temperature,
                standardise_logits=self.standardise_logits,
            )
            for mine, theirs, images in ((logits, teacher_logits, batch), (others, teacher_others, other))
        )
        return Supervision(logits, {name: 0.5 * (own[name] + changed[name]) for name in own})


@METHODS.register("uda_alone")
class Consistency(Method):
    """Predict the same for other views of the images, without a teacher.

    Args:
        student: The network to train.
        teacher: Not used.
        consistency_weight: λ, the weight of the second term.
    """

    cites = "Xie et al. 2020"
    matches = "data"
    cost = 2.0
    needs_teacher = False
    views = (VIEW,)

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        consistency_weight: NonNegative = 1.0,
    ) -> None:
        super().__init__(student, teacher)
        self.consistency_weight = consistency_weight

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        logits = self.student(batch.pixels)
        others = self.student(batch.seen_as(VIEW).pixels)
        losses = {
            "cross_entropy": self.cross_entropy(logits, batch),
            "consistency": self.consistency_weight * kd_loss(others, logits.detach(), 1.0),
        }
        return Supervision(logits, losses)
