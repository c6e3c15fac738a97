"""A plugin for robustkd; importing it registers everything that it adds."""

from robustkd_example import certainty, few_images, logit_matching, tiny_cnn

__all__ = ["certainty", "few_images", "logit_matching", "tiny_cnn"]
