"""Write a run as an ordinary `LlavaForConditionalGeneration` folder.

Adapters are merged, so that the folder needs neither peft nor a plan. Where the tower is one of
the embedded ones, `import mlan.model` registers it before `from_pretrained`.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlan.errors import DataError
from mlan.model.compose import compose, load_stage1
from mlan.model.processor import processor_files
from mlan.records import checked, read_record
from mlan.train import trainable
from mlan.weights import check_weights


def export_run(
    out: Path,
    backbone: Path,
    align: Path,
    weights: Path | None,
    tune: Mapping[str, Any],
    texts: Mapping[str, str] | None = None,
) -> None:
    """Save backbone, stage 1 and a run's weights as one model with tokenizer and processor.

    `weights` is None for the untuned model; `texts` are further files by name. Raises DataError if
    `out` exists or the weights were dropped, IntegrityError if a file differs from its record.
    """
    if out.exists():
        raise DataError(f"{out}: exists already; name a folder that does not")
    for folder in (backbone, align):
        for name in read_record(folder)["outputs"]:
            checked(folder / name)
    if weights is not None:
        check_weights(weights)
    model = compose(backbone)
    load_stage1(model, align / "projector.safetensors")
    if weights is not None:
        trainable.restore(model, weights, tune)
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    model.save_pretrained(partial)
    shutil.copyfile(backbone / "tokenizer.json", partial / "tokenizer.json")
    for name, text in {**processor_files(model.config), **(texts or {})}.items():
        (partial / name).write_text(text, encoding="utf-8")
    partial.replace(out)
