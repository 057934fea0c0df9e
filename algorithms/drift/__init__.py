"""Drift: how rows fell into bins in training, how they fall now, and what the difference means. Needs numpy only."""
