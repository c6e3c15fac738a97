"""Adversarial attacks: those of torchattacks, seeded, batched and checked."""
