"""Progress of a job: metrics as JSON lines, and a small file that `mlan status` reads."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from mlan.records import write_json
from mlan.stage import log
from mlan.train.gauge import Gauge

# Seconds between two log lines and two updates of the progress file.
_EVERY = 2.0


class Meter:
    """Counts steps, tokens and operations of one job and tells about them now and then.

    `gauge` reads the device; without one there are rates alone.
    """

    def __init__(
        self, state: Path, what: str, steps: int, *, done: int = 0, gauge: Gauge | None = None
    ) -> None:
        self._state, self._what, self._steps, self._gauge = state, what, steps, gauge
        self._start = self._last = time.monotonic()
        self._done_before = done
        self.tokens = 0
        self.flops = self.tower_flops = 0.0  # of the language model; of a transformer tower
        self.wait = 0.0
        state.mkdir(parents=True, exist_ok=True)

    def step(self, done: int, tokens: int, metrics: dict[str, Any]) -> None:
        """Note one finished step: append its metrics, now and then show progress."""
        self.tokens += tokens
        with (self._state / "metrics.jsonl").open("a") as stream:
            stream.write(json.dumps({"step": done, **metrics}) + "\n")
        now = time.monotonic()
        if now - self._last >= _EVERY or done == self._steps:
            self._last = now
            self._show(done, now - self._start, metrics)

    def _show(self, done: int, seconds: float, metrics: dict[str, Any]) -> None:
        left = seconds / max(1, done - self._done_before) * (self._steps - done)
        rate = self.tokens / max(seconds, 1e-9)
        loss = f" loss {metrics['loss']:.3f}" if "loss" in metrics else ""
        log.info(
            "%s %d/%d (%.0f %%)%s, %.0f tokens/s, %.0f s left",
            *(self._what, done, self._steps, 100 * done / self._steps, loss, rate, left),
        )
        write_json(
            self._state / "progress.json",
            {
                "what": self._what,
                "done": done,
                "of": self._steps,
                "tokens_per_s": round(rate, 1),
                "seconds_left": round(left, 1),
                **self._device(seconds),
            },
        )

    def summary(self) -> dict[str, Any]:
        """Return seconds, tokens and rate since the job began (not deterministic)."""
        seconds = time.monotonic() - self._start
        return {
            "train_seconds": round(seconds, 3),
            "tokens": self.tokens,
            "tokens_per_s": round(self.tokens / max(seconds, 1e-9), 1),
            "data_wait_seconds": round(self.wait, 3),
            **self._operations(),
            **self._device(seconds),
        }

    def _operations(self) -> dict[str, float]:
        """What was counted, in TFLOP; nothing where a stage counts none."""
        if not self.flops:
            return {}
        found = {"language_model_tflop": self.flops, "tower_tflop": self.tower_flops}
        return {name: round(flops / 1e12, 6) for name, flops in found.items()}

    def _device(self, seconds: float) -> dict[str, Any]:
        return self._gauge.read(self.flops, seconds) if self._gauge else {}


def reset_metrics(state: Path, done: int) -> None:
    """Keep only the metric lines of the first `done` steps; later ones will be made again."""
    path = state / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    kept = []
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if record["step"] <= done:
            kept.append(line)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in kept))
