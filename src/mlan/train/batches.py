"""Turn the lines of one step of a plan into tensors.

Axes: B rows, L tokens of the longest row, S supervised positions of the step, P pictures.
Causal attention never looks right, so right padding needs no mask. Packed rows carry
`position_ids` that restart at every document and no attention mask: that, and only that,
makes transformers build the block-diagonal mask (`masking_utils`; an all-ones mask or a cache
silently lets documents read each other). An example's last token is only ever predicted, so the
rows leave it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd
import torch
from torch import Tensor

from mlan.errors import IntegrityError
from mlan.mixture.template import Encoded, Template


@dataclass(frozen=True)
class Batch:
    """One optimiser step."""

    ids: Tensor  # (B, L) int64
    position_ids: Tensor | None  # (B, L) int64, only for packed rows
    predict_at: Tensor  # (S,) int64: flat index b * L + l of the position that predicts
    target: Tensor  # (S,) int64: the token to predict
    weight: Tensor  # (S,) float32, sums to 1
    source: Tensor  # (S,) int64: index into `Examples.sources`, always on the CPU
    images: list[str]  # (P,) keys in reading order
    tokens: int  # of the plan: without padding, the last of each example counted

    def to(self, device: str) -> Batch:
        """Return the batch with its tensors on a device."""
        return replace(
            self,
            ids=self.ids.to(device),
            position_ids=None if self.position_ids is None else self.position_ids.to(device),
            predict_at=self.predict_at.to(device),
            target=self.target.to(device),
            weight=self.weight.to(device),
        )


@dataclass(frozen=True)
class Examples:
    """Encoded examples by (source, id), checked against the plan's lengths."""

    encoded: Mapping[tuple[str, str], Encoded]
    sources: list[str]
    pad: int

    @classmethod
    def encode(
        cls,
        plan: pd.DataFrame,
        frames: Mapping[str, pd.DataFrame],
        template: Template,
    ) -> Examples:
        """Encode every example that the plan uses.

        Raises IntegrityError if a length differs from the plan's.
        """
        rows = {n: {r["id"]: r for r in f.to_dict("records")} for n, f in frames.items()}
        encoded: dict[tuple[str, str], Encoded] = {}
        for source, name, tokens in zip(
            plan["source"], plan["example"], plan["tokens"], strict=True
        ):
            key = (str(source), str(name))
            if key not in encoded:
                example = rows[key[0]][key[1]]
                encoded[key] = template.encode(
                    list(example["turns"]), picture=example["image"] != ""
                )
            if len(encoded[key].ids) != tokens:
                raise IntegrityError(
                    f"example {key[1]!r} of {key[0]!r} has {len(encoded[key].ids)} tokens, "
                    f"the plan says {tokens}; rerun the mix stage"
                )
        return cls(encoded, sorted(frames), template.end)


def build(step: pd.DataFrame, examples: Examples, *, packed: bool) -> Batch:
    """Return the batch of one step; `step` holds its plan lines in row and position order."""
    rows = [part.to_dict("records") for _, part in step.groupby("row", sort=True)]
    length = max(sum(line["tokens"] - 1 for line in row) for row in rows)
    ids = torch.full((len(rows), length), examples.pad, dtype=torch.long)
    positions = torch.arange(length).repeat(len(rows), 1)
    at: list[int] = []
    target: list[int] = []
    weight: list[float] = []
    source: list[int] = []
    images: list[str] = []
    for b, row in enumerate(rows):
        start = 0
        for line in row:
            encoded = examples.encoded[line["source"], line["example"]]
            end = start + line["tokens"] - 1
            ids[b, start:end] = torch.tensor(encoded.ids[:-1])
            positions[b, start:end] = torch.arange(end - start)
            positions[b, end:] = torch.arange(length - end)  # padding is a document of its own
            for offset, supervised in enumerate(encoded.supervised):
                if supervised:
                    at.append(b * length + start + offset - 1)
                    target.append(encoded.ids[offset])
                    weight.append(line["weight"])
                    source.append(examples.sources.index(line["source"]))
            if line["image"]:
                images.append(line["image"])
            start = end
    return Batch(
        ids=ids,
        position_ids=positions if packed else None,
        predict_at=torch.tensor(at),
        target=torch.tensor(target),
        weight=torch.tensor(weight, dtype=torch.float32),
        source=torch.tensor(source),
        images=images,
        tokens=int(step["tokens"].sum()),
    )
