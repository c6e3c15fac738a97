"""Intervals, resampling, tests of differences and corrections: arrays in, numbers out."""
