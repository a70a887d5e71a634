"""The batch that the model sees, and the loss on it, against slow independent references."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from mlan.errors import IntegrityError
from mlan.model.compose import compose, initialise_projector
from mlan.train.batches import Examples, build
from mlan.train.objective import step_loss, token_losses
from tests.toy import plan


def _model(backbone: Path):
    model = compose(backbone)
    initialise_projector(model, 0)
    return model


def _features(keys: list[str]) -> torch.Tensor:
    return torch.stack(
        [torch.randn(9, 24, generator=torch.Generator().manual_seed(hash_of(k))) for k in keys]
    )


def hash_of(key: str) -> int:
    return int(key.split("/")[1])


def _one_by_one(model, lines, examples: Examples) -> list[float]:
    """Cross-entropy of every supervised token, each document in a forward pass of its own."""
    losses = []
    for line in lines.itertuples():
        encoded = examples.encoded[line.source, line.example]
        ids = torch.tensor([encoded.ids])
        embeddings = model.get_input_embeddings()(ids)
        if line.image:
            image = model.model.multi_modal_projector(_features([line.image]))
            where = (ids == model.config.image_token_id).unsqueeze(-1)
            embeddings = embeddings.masked_scatter(where, image)
        logits = model.lm_head(model.model.language_model(inputs_embeds=embeddings)[0])[0]
        each = F.cross_entropy(logits[:-1], ids[0, 1:], reduction="none")
        losses += [float(v) for v, s in zip(each, encoded.supervised[1:], strict=True) if s]
    return losses


@pytest.mark.parametrize("layout", ["sorted", "packed"])
def test_losses_of_a_step_equal_separate_forward_passes(backbone: Path, layout: str) -> None:
    table, sources, template = plan(layout=layout)
    examples = Examples.encode(table, sources, template)
    model = _model(backbone)
    for _, lines in table.groupby("step"):
        batch = build(lines, examples, packed=layout == "packed")
        features = _features(batch.images) if batch.images else None
        with torch.no_grad():
            together = token_losses(model, batch, features)
            alone = torch.tensor(_one_by_one(model, lines, examples))
        torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_packed_rows_hold_several_documents(backbone: Path) -> None:
    table, sources, template = plan(layout="packed")
    step = table[table["step"] == 0]
    batch = build(step, Examples.encode(table, sources, template), packed=True)
    assert batch.ids.shape[0] < len(step)
    starts = (batch.position_ids == 0).sum()
    assert starts >= len(step)


@pytest.mark.parametrize("layout", ["sorted", "packed"])
@pytest.mark.parametrize("loss_unit", ["token", "sample", "microbatch"])
def test_layout_does_not_change_the_objective(backbone: Path, layout: str, loss_unit: str) -> None:
    table, sources, template = plan(layout=layout, loss_unit=loss_unit)
    examples = Examples.encode(table, sources, template)
    model = _model(backbone)
    lines = table[table["step"] == 0]
    batch = build(lines, examples, packed=layout == "packed")
    with torch.no_grad():
        value = step_loss(token_losses(model, batch, _features(batch.images)), batch)
    alone = _one_by_one(model, lines, examples)
    spans, start = [], 0
    for count in lines["supervised_tokens"]:
        spans.append(alone[start : start + count])
        start += count
    if loss_unit == "token":
        expected = sum(alone) / len(alone)
    elif loss_unit == "sample":
        expected = sum(sum(s) / len(s) for s in spans) / len(spans)
    else:
        # Logical batches are cut shortest first, wherever packing puts an example.
        spans = [spans[i] for i in lines["tokens"].to_numpy().argsort(kind="stable")]
        batches = [list(chain(*spans[i : i + 3])) for i in range(0, len(spans), 3)]
        expected = sum(sum(b) / len(b) for b in batches) / len(batches)
    assert float(value) == pytest.approx(expected, abs=1e-5)


def test_example_that_no_longer_fits_its_plan_is_refused() -> None:
    table, sources, template = plan()
    table.loc[0, "tokens"] += 1
    with pytest.raises(IntegrityError, match=r"tokens, the plan says .*; rerun the mix stage"):
        Examples.encode(table, sources, template)
