"""Intervals, resampling and tests: arrays in, numbers out."""
