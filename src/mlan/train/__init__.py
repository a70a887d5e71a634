"""Training: stage 1 (align) and stage 2 (tune) in plain torch."""
