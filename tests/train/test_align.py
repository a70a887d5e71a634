"""Order of the pictures of stage 1, and what naming them takes."""

from collections import Counter
from pathlib import Path

import torch
from hypothesis import given
from hypothesis import strategies as st

from mlan.mixture.template import Template
from mlan.model.compose import ImageFeatures, compose, initialise_projector
from mlan.model.towers import TOKENS
from mlan.stage import Job
from mlan.train.align import QUESTION, Captions, _order, _train
from tests.toy import record, tokenizer


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=40),
    steps=st.integers(1, 20),
    batch=st.integers(1, 8),
    seed=st.integers(0, 3),
)
def test_all_pictures_are_shown_equally_often(lengths, steps, batch, seed):
    order = _order(lengths, {"steps": steps, "batch": batch}, seed)
    shown = Counter(order)
    assert len(order) == steps * batch
    assert max(shown.values()) - min(shown.get(p, 0) for p in range(len(lengths))) <= 1


def test_names_of_a_step_are_of_neighbouring_lengths():
    lengths = [1 + number % 4 for number in range(64)]
    order = _order(lengths, {"steps": 8, "batch": 8}, seed=1)
    steps = [[lengths[p] for p in order[i : i + 8]] for i in range(0, 64, 8)]
    assert all(len(set(step)) == 1 for step in steps)
    assert [step[0] for step in steps] != sorted(step[0] for step in steps)


def test_operations_of_names_are_those_of_their_prompts_and_tokens(
    tmp_path: Path, backbone: Path
) -> None:
    model = compose(backbone)
    initialise_projector(model, 0)
    record(backbone)
    template = Template("user-assistant", tokenizer(), TOKENS)
    prompt = len(template.question(QUESTION, picture=True))
    images = ["set/0", "set/1", "set/2"]
    names = [[8], [9, 10], [11]]
    captions = Captions(
        ImageFeatures(torch.zeros(3, TOKENS, 24), {key: n for n, key in enumerate(images)}),
        images,
        names,
        torch.tensor([8, 9, 10, 11]),
        torch.zeros((3, TOKENS), dtype=torch.long),
    )
    recipe = {
        "method": "plain",
        "steps": 100,
        "batch": 3,
        "learning_rate": 1e-3,
        "warmup_steps": 1,
        "regulariser": 0.0,
        "feature_noise": 0.0,
        "clip_norm": 1.0,
    }
    identity = {"align": recipe, "device": "cpu", "precision": "fp32", "seed": 0}
    job = Job("align", identity, "0", tmp_path, {"backbone": backbone}, tmp_path / "state")
    _, run = _train(job, model, template, captions, recipe)
    # Toy model: 2 layers of 32 x (32 + 16 + 16 + 32) + 3 x 32 x 48 weights, a head of 64 x 32,
    # frozen: 4 operations each; attention 12 x 2 layers x 32 of the squared lengths.
    lengths = [prompt + len(name) for name in names]
    step = 4 * 15_360 * sum(lengths) + 12 * 2 * 32 * sum(n * n for n in lengths) + 4 * 2048 * 4
    assert run["language_model_tflop"] == round(100 * step / 1e12, 6)
