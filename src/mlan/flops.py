"""Floating-point operations of training a language model.

The count is of the model, not of the machine: layers computed again in the backward pass are
work that is not counted. A decoder with N weights in its matrices (embeddings left out) takes
2N per token forward and 4N backward (Kaplan et al. 2020, arXiv 2001.08361, table 1); where its
weights are frozen, or only adapters are trained, the gradient of the weights falls away, 2N.
Attention has no weights: scores and sums over the document cost 4 L w l^2 forward and twice
that backward, for L layers of query width w and a document of l tokens (Chowdhery et al. 2022,
arXiv 2204.02311, appendix B; the causal half is not taken off, as is usual). The head counts
where there is a label.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class DecoderShape:
    """Weights in the matrices of all layers; layers; query width; weights of the head."""

    matrices: int
    layers: int
    query_width: int
    head: int


def training_flops(
    shape: DecoderShape, documents: Iterable[int], supervised: int, *, full: bool
) -> float:
    """Return the operations of one training step on documents of these lengths in tokens.

    `supervised` is the number of tokens with a label, `full` whether all weights are trained.
    """
    lengths = list(documents)
    per_weight = 6 if full else 4
    body = per_weight * shape.matrices * sum(lengths)
    attention = 12 * shape.layers * shape.query_width * sum(n * n for n in lengths)
    return float(body + attention + per_weight * shape.head * supervised)


def encoder_flops(weights: int, layers: int, width: int, tokens: int) -> float:
    """Return the operations of one forward pass of a transformer tower over one picture."""
    return float(2 * weights * tokens + 4 * layers * width * tokens * tokens)
