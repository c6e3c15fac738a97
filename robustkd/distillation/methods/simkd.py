"""`simkd`: learn the teacher's last feature map alone, and classify it with the teacher's own classifier.

    L = feature_weight · mean((P(f_s) − f_t)²)

f is the last feature map before pooling; P, the projector, is trained with the student: convolutions of 1×1, 3×3 and
1×1, each normalised and rectified, the inner ones `bottleneck` times narrower than f_t. The labels are not used. Chen
et al., *Knowledge Distillation with the Reused Teacher Classifier* (arXiv 2203.14001), section 3.

Deviations: the mean of squares, as in the published code, where the paper has a squared norm. If the maps differ in
size, the larger is average-pooled to the smaller, the student's after its projection instead of before: what the
classifier sees is then the mean of what is compared, whatever the size of the images.

What is exported is another network than the student: architecture ``reused_classifier``, which is the student without
its classifier, the projector, and a copy of the teacher's classifier. It has more parameters than the student, and a
comparison with a baseline of the student's architecture includes them.

It applies to a teacher that average-pools its last map and classifies it by one linear layer, and to a student that
timm knows whose head has no further layers with weights; others, such as vision transformers and MobileNetV3, are
refused. As the projector ends in a rectifier, it cannot match a negative feature.
"""

from typing import Annotated, Any

import torch
from pydantic import Field

from robustkd.data import Batch
from robustkd.distillation.blocks import probe_pixels
from robustkd.distillation.initial_weights import seeded_by
from robustkd.distillation.linear_head import last_map, linear_classifier
from robustkd.distillation.losses import feature_loss
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.recipe import NonNegative
from robustkd.errors import ModelError
from robustkd.models import PixelModel, create_model


@METHODS.register("simkd")
class ReusedTeacherClassifier(Method):
    """Learn the teacher's last feature map through a projector, and reuse the teacher's classifier.

    Args:
        student: The network to train; its classifier is not used.
        teacher: The network to learn from, whose classifier is reused.
        feature_weight: The weight of the only term of the loss.
        bottleneck: The factor by which the inner convolutions of the projector are narrower than the teacher's map.

    Raises:
        ModelError: The teacher's head is not an average pooling and a linear layer, the student's has other layers with
            weights, or timm does not know the student's architecture.
    """

    cites = "Chen et al. 2022"
    matches = "feature"
    cost = 2.0

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        feature_weight: NonNegative = 1.0,
        bottleneck: Annotated[int, Field(ge=1)] = 2,
    ) -> None:
        if teacher is None:
            raise ValueError(f"{type(self).__name__} needs a teacher")
        super().__init__(_with_classifier_of(teacher, student, bottleneck), teacher)
        self.feature_weight = feature_weight
        self.bottleneck = bottleneck

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        features, wanted = self._of_both(
            lambda: last_map(self.student, batch.pixels), lambda: last_map(self.teacher, batch.pixels), batch
        )
        network: Any = self.student.module
        loss = self.feature_weight * feature_loss(features, wanted)
        return Supervision(network.forward_head(features), {"features": loss})


def _with_classifier_of(teacher: PixelModel, student: PixelModel, bottleneck: int) -> PixelModel:
    """The student without its classifier, a new projector, and the teacher's classifier, which stays as it is."""
    classifier = linear_classifier(teacher)
    if classifier is None:
        raise ModelError(
            f"simkd reuses a linear classifier of the average-pooled last map, and {teacher.architecture} has none: "
            "use another teacher or method"
        )
    with seeded_by(student):
        whole = create_model(
            "reused_classifier",
            num_classes=classifier.out_features,
            in_chans=getattr(student.module, "in_chans", 3),
            mean=student.mean.flatten().tolist() if student.normalises else None,
            std=student.std.flatten().tolist() if student.normalises else None,
            image_size=student.image_size,
            crop_pct=student.crop_pct,
            interpolation=student.interpolation,
            channel_order=student.channel_order,
            options={
                "trunk": student.architecture,
                "trunk_options": student.options,
                "features": classifier.in_features,
                "bottleneck": bottleneck,
            },
        )
    network: Any = whole.module
    whole = whole.to(next(student.parameters()).device)
    _refuse_further_layers(student, network.trunk)
    held = student.module.state_dict()
    network.trunk.load_state_dict({name: held[name] for name in network.trunk.state_dict()})
    network.fc.load_state_dict(
        {"weight": classifier.weight, "bias": torch.zeros(classifier.out_features)} | classifier.state_dict()
    )
    network.fc.requires_grad_(False)
    return whole.restricted_to(teacher.classes.tolist()) if teacher.classes is not None else whole


def _refuse_further_layers(student: PixelModel, trunk: Any) -> None:
    try:
        with torch.enable_grad():
            features = trunk.eval().forward_features(student.prepare(probe_pixels(student)))
            reached = torch.autograd.grad(features.sum(), list(trunk.parameters()), allow_unused=True)
        fits = features.ndim == 4 and all(gradient is not None for gradient in reached)
    except Exception:  # as above
        fits = False
    trunk.train()
    if not fits:
        raise ModelError(
            f"simkd projects the last feature map of the student, and {student.architecture} has no such map, or more "
            "than a classifier after it: use another student or method"
        )
