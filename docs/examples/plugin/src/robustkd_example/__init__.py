"""A plugin for robustkd; importing it registers everything that it adds."""

from robustkd_example import confidence, few_images, logit_matching, tiny_cnn

__all__ = ["confidence", "few_images", "logit_matching", "tiny_cnn"]
