"""The losses of the methods as functions of tensors, for use in your own training loop.

Each loss is differentiable with respect to its first argument, is computed in float32 or higher precision, and is not
multiplied by a weight.
Shapes: B images, K classes, C channels, D features.

>>> import torch
>>> import robustkd as rk
>>> teacher = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
>>> student = torch.zeros(2, 2, requires_grad=True)
>>> loss = 0.9 * rk.losses.kd_loss(student, teacher, 4.0) + 0.1 * rk.losses.cross_entropy(student, torch.tensor([0, 1]))
>>> loss.backward()
>>> student.grad[0, 0] < 0  # gradient descent raises the logit of class 0 for the first image
tensor(True)
"""

from robustkd.distillation.losses import cross_entropy, feature_loss, kd_loss
from robustkd.distillation.methods.at import attention_loss
from robustkd.distillation.methods.bss import soft_cross_entropy
from robustkd.distillation.methods.class_balanced import class_weighted_loss
from robustkd.distillation.methods.co_teaching import small_loss
from robustkd.distillation.methods.crd import contrastive_loss
from robustkd.distillation.methods.dist import inter_class_loss, intra_class_loss
from robustkd.distillation.methods.dkd import nontarget_loss, target_loss
from robustkd.distillation.methods.dml import mutual_loss
from robustkd.distillation.methods.fitnet import hint_loss
from robustkd.distillation.methods.focal import focal_loss
from robustkd.distillation.methods.fsp import flow, flow_loss
from robustkd.distillation.methods.generalised_cross_entropy import generalised_cross_entropy
from robustkd.distillation.methods.iad import weighted_kd_loss
from robustkd.distillation.methods.logit_adjusted import adjusted_logits
from robustkd.distillation.methods.mkd import several_teachers_loss
from robustkd.distillation.methods.one import ensemble_loss
from robustkd.distillation.methods.overhaul import partial_distance
from robustkd.distillation.methods.pkt import neighbour_loss
from robustkd.distillation.methods.review_kd import hierarchical_context_loss
from robustkd.distillation.methods.rkd import angle_loss, distance_loss
from robustkd.distillation.methods.sdd import consistency_weights, scale_decoupled_loss
from robustkd.distillation.methods.sfd import pooled_maximum_loss
from robustkd.distillation.methods.sp import similarity_loss
from robustkd.distillation.methods.symmetric_cross_entropy import reverse_cross_entropy
from robustkd.distillation.methods.tf_kd import virtual_teacher_loss
from robustkd.distillation.methods.ttm import transformed_teacher_loss
from robustkd.distillation.methods.vid import gaussian_loss
from robustkd.distillation.response import (
    brier_loss,
    log_probability_loss,
    logit_loss,
    reverse_kl_loss,
    standardised,
    symmetric_kl_loss,
    teacher_label_loss,
)

__all__ = [
    "adjusted_logits",
    "angle_loss",
    "attention_loss",
    "brier_loss",
    "class_weighted_loss",
    "consistency_weights",
    "contrastive_loss",
    "cross_entropy",
    "distance_loss",
    "ensemble_loss",
    "feature_loss",
    "flow",
    "flow_loss",
    "focal_loss",
    "gaussian_loss",
    "generalised_cross_entropy",
    "hierarchical_context_loss",
    "hint_loss",
    "inter_class_loss",
    "intra_class_loss",
    "kd_loss",
    "log_probability_loss",
    "logit_loss",
    "mutual_loss",
    "neighbour_loss",
    "nontarget_loss",
    "partial_distance",
    "pooled_maximum_loss",
    "reverse_cross_entropy",
    "reverse_kl_loss",
    "scale_decoupled_loss",
    "several_teachers_loss",
    "similarity_loss",
    "small_loss",
    "soft_cross_entropy",
    "standardised",
    "symmetric_kl_loss",
    "target_loss",
    "teacher_label_loss",
    "transformed_teacher_loss",
    "virtual_teacher_loss",
    "weighted_kd_loss",
]
