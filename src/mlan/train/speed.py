"""How fast this machine multiplies: `python -m mlan.train.speed` prints GFLOP/s as JSON.

Two seconds of fp32 products of the language model's shape, (512, 576) x (576, 1536), with the
threads of a training job, or on the GPU. The figure is that of the fastest tenth of the bursts:
what the machine gives when nothing else runs on it.
With `--wait` it loads torch and waits for a line on its standard input before it measures, so
that a caller may prepare something else meanwhile without disturbing the measurement.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import torch

from mlan.products import linear

ROWS, WIDTH, INNER = 512, 576, 1536
FLOPS = 2 * ROWS * WIDTH * INNER
THREADS = 2
SECONDS = 2.0
_BURST = 10


def measure(device: str = "cpu", seconds: float = SECONDS) -> float:
    """Return GFLOP/s of fp32 products over `seconds` on `device`."""
    torch.set_num_threads(THREADS)
    left = torch.ones(ROWS, WIDTH, device=device)
    right = torch.ones(INNER, WIDTH, device=device)
    _burst(left, right)  # the first products load kernels
    bursts = []
    end = time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        _burst(left, right)
        bursts.append(time.perf_counter() - start)
    bursts.sort()
    return _BURST * FLOPS / bursts[len(bursts) // 10] / 1e9


def _burst(left: torch.Tensor, right: torch.Tensor) -> None:
    for _ in range(_BURST):
        linear(left, right)
    if left.is_cuda:
        torch.cuda.synchronize()


def main() -> None:
    """Print `{"gflops": ..., "threads": ..., "device": ...}`."""
    parser = argparse.ArgumentParser(description="Measure this machine's fp32 speed.")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--wait", action="store_true", help="wait for a line on standard input")
    arguments = parser.parse_args()
    if arguments.wait and not sys.stdin.readline():
        return  # the caller has gone
    gflops = round(measure(arguments.device), 1)
    result = {"gflops": gflops, "threads": THREADS, "device": arguments.device}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
