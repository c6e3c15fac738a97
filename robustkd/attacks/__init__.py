"""Adversarial attacks: those of torchattacks, with seeds, independent of the batch where possible, and checked."""
