"""lm-eval 0.4.13 on local items, with a task of its own: no network, no hub."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from peers.asked import Request

TASK = "mlan_requests"


def require() -> None:
    """Raise SystemExit with one line where lm-eval is not installed."""
    if find_spec("lm_eval") is None:
        raise SystemExit("lm-eval is not installed: `make parity` installs it")


def write_task(folder: Path, requests: Sequence[Request]) -> None:
    """Write items as JSON lines, and the task that reads them."""
    rows = folder / "items.jsonl"
    with rows.open("w", encoding="utf-8") as stream:
        for request in requests:
            stream.write(json.dumps(vars(request)) + "\n")
    task: dict[str, Any] = {
        "task": TASK,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(rows)}, "cache_dir": str(folder / "cache")},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{context}}",
        "doc_to_choice": "continuations",
        "doc_to_target": "gold",
        # Continuations are written out with the space that they begin with.
        "target_delimiter": "",
        "metric_list": [{"metric": name} for name in ("acc", "acc_norm", "acc_bytes")],
        "metadata": {"version": 1},
    }
    (folder / f"{TASK}.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")


def scores(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    folder: Path,
    batch: int,
) -> tuple[dict[str, dict[str, Any]], float]:
    """Return what lm-eval found for every item, and the seconds of its evaluation.

    An item has `likelihoods` of its continuations and the verdicts `acc`, `acc_norm`, `acc_bytes`.
    """
    os.environ["HF_DATASETS_OFFLINE"] = os.environ["HF_HUB_OFFLINE"] = "1"
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    logging.disable(logging.WARNING)
    wrapped = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=batch, device="cpu")
    tasks = TaskManager(include_path=str(folder), include_defaults=False)
    start = time.perf_counter()
    found = simple_evaluate(
        wrapped, tasks=[TASK], task_manager=tasks, log_samples=True, bootstrap_iters=0
    )
    seconds = time.perf_counter() - start
    logging.disable(logging.NOTSET)
    return {
        sample["doc"]["item"]: {
            "likelihoods": [float(reply[0]) for reply in sample["filtered_resps"]],
            **{name: sample[name] for name in ("acc", "acc_norm", "acc_bytes")},
        }
        for sample in found["samples"][TASK]
    }, seconds
