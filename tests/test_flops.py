"""Operations of known models, by hand."""

from __future__ import annotations

import pytest

from mlan.flops import DecoderShape, encoder_flops, training_flops
from mlan.gpus import gpu_of_driver

# Llama-2-7B: 32 layers of 4 x 4096^2 (attention) and 3 x 4096 x 11008 (gated unit).
LLAMA = DecoderShape(
    matrices=32 * (4 * 4096**2 + 3 * 4096 * 11008), layers=32, query_width=4096, head=4096 * 32000
)


def test_llama_2_7b_takes_six_operations_a_weight_and_token() -> None:
    assert LLAMA.matrices == 6_476_005_376
    one = training_flops(LLAMA, [1], 0, full=True)
    assert one == 6 * LLAMA.matrices + 12 * 32 * 4096
    assert training_flops(LLAMA, [1], 0, full=False) == 4 * LLAMA.matrices + 12 * 32 * 4096


def test_attention_is_counted_within_documents() -> None:
    whole = training_flops(LLAMA, [1000], 0, full=True)
    halves = training_flops(LLAMA, [500, 500], 0, full=True)
    assert whole - halves == 12 * 32 * 4096 * (1000**2 - 2 * 500**2)


def test_head_is_counted_where_there_is_a_label() -> None:
    labelled = training_flops(LLAMA, [10], 3, full=True)
    assert labelled - training_flops(LLAMA, [10], 0, full=True) == 3 * 6 * 4096 * 32000


def test_clip_large_takes_a_third_of_a_teraflop_a_picture() -> None:
    # ViT-L/14 at 336 pixels: 24 layers of 12 x 1024^2 weights, 577 tokens.
    weights = 24 * 12 * 1024**2
    assert encoder_flops(weights, 24, 1024, 577) == pytest.approx(0.38e12, rel=0.03)


@pytest.mark.parametrize(
    ("name", "tera"),
    [
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA H200", 989),
        ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA L40S", 362),
        ("NVIDIA L4", 121),
        ("NVIDIA GeForce RTX 2080", None),
    ],
)
def test_peak_of_a_device_by_its_name(name: str, tera: float | None) -> None:
    gpu = gpu_of_driver(name)
    assert (gpu and gpu.peak("bf16")) == (None if tera is None else tera * 1e12)
