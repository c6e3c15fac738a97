"""Measurements, and how they are written and read: records, metrics, tidy results, checks."""
