"""Floating-point operations of training a language model, and what devices can do at most.

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


# Dense bf16 operations a second of one device by a part of its name, from the vendor's data
# sheets (without sparsity); longer names first, since one may hold another.
_PEAK_BF16 = {
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "RTX 6000 Ada": 364e12,
    "RTX A6000": 155e12,
    "GH200": 989e12,
    "H200": 989e12,
    "H100": 989e12,
    "H800": 989e12,
    "B200": 2250e12,
    "A100": 312e12,
    "A800": 312e12,
    "L40S": 362e12,
    "A40": 150e12,
    "A10G": 70e12,
    "L4": 121e12,
}


def peak_flops(device: str) -> float | None:
    """Return the bf16 peak of a device by the name its driver gives; None if it is not known."""
    known = (peak for part, peak in _PEAK_BF16.items() if _names(part, device))
    return next(known, None)


def _names(part: str, device: str) -> bool:
    """Whether all words of `part` are words of the name: `L4` is not in `NVIDIA L40S`."""
    words = device.replace("-", " ").split()
    return all(word in words for word in part.split())
