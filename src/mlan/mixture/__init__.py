"""Mixtures: exact counts, token segments, the plan of a run and its accounting. No torch."""
