"""Checkpoints: those of robustkd, and those of other code."""
