"""Towers, composition and the naming check against independent computations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModel, LlavaForConditionalGeneration

from mlan.mixture.template import Template
from mlan.model.backbone import random_weights
from mlan.model.compose import (
    compose,
    initialise_projector,
    load_config,
    stage1_tensors,
)
from mlan.model.towers import (
    MobileNetTower,
    MobileNetTowerConfig,
    ToyTower,
    ToyTowerConfig,
    normalise,
)
from mlan.train.naming import check_naming, draw_candidates
from tests.toy import encode, tokenizer, write_backbone


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return write_backbone(tmp_path_factory.mktemp("backbone"))


def _pictures(count: int) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    return {
        f"set/{i}": torch.randint(0, 256, (32, 32, 3), generator=draw, dtype=torch.uint8)
        for i in range(count)
    }


def test_mobilenet_tower_measures_each_channel_to_mean_zero_and_its_weight() -> None:
    torch.manual_seed(0)
    tower = MobileNetTower(MobileNetTowerConfig()).eval()
    pictures = torch.randint(0, 256, (6, 96, 96, 3), dtype=torch.uint8)
    with torch.no_grad():
        raw = tower.raw_features(normalise(pictures))
        tower.measure(raw)
        features = tower.standardise(raw)
    assert raw.shape == (6, 9, 9 * 32 + 1280 + 9)
    mid = features[:, 0, :288].reshape(-1, 32)
    torch.testing.assert_close(mid.mean(0), torch.zeros(32), atol=1e-4, rtol=0)
    assert (features[:, :1, :288] == features[:, 1:2, :288]).all()  # one map for all tokens
    assert (features[..., -9:] == torch.eye(9)).all()
    assert features[..., 288:1568].std() < 0.26


def test_mobilenet_noise_is_shared_over_tokens_in_the_middle_map_and_absent_in_positions() -> None:
    tower = MobileNetTower(MobileNetTowerConfig())
    features = torch.zeros((400, 9, tower.config.hidden_size))
    noisy = tower.noise(features, 0.3, torch.Generator().manual_seed(0))
    assert (noisy[:, 0, :288] == noisy[:, 5, :288]).all()
    assert float(noisy[..., :288].std()) == pytest.approx(0.3, rel=0.02)
    assert float(noisy[..., 288:1568].std()) == pytest.approx(0.3 * 0.25, rel=0.02)
    assert (noisy[..., 1568:] == 0).all()


def test_composed_model_equals_transformers_forward_on_pixels(backbone: Path) -> None:
    model = compose(backbone)
    initialise_projector(model, 0)
    pictures = _pictures(2)
    ids = torch.tensor([[4, *[3] * 9, 7, 8, 5], [4, *[3] * 9, 9, 6, 5]])
    with torch.no_grad():
        reference = model(
            input_ids=ids, pixel_values=normalise(torch.stack(list(pictures.values())))
        ).logits
        features = encode(model, pictures)
        from mlan.model.compose import input_embeddings

        embeddings = input_embeddings(model, ids, features.of(list(pictures)))
        ours = model.lm_head(model.model.language_model(inputs_embeds=embeddings)[0])
    torch.testing.assert_close(ours, reference, atol=1e-5, rtol=1e-5)


def test_saved_model_loads_with_from_pretrained(backbone: Path, tmp_path: Path) -> None:
    model = compose(backbone)
    initialise_projector(model, 0)
    model.model.vision_tower.feature_mean.fill_(0.5)
    model.save_pretrained(tmp_path)
    loaded = LlavaForConditionalGeneration.from_pretrained(tmp_path).eval()
    ids = torch.tensor([[4, *[3] * 9, 7, 8, 5]])
    pixels = normalise(torch.stack(list(_pictures(1).values())))
    with torch.no_grad():
        torch.testing.assert_close(
            loaded(input_ids=ids, pixel_values=pixels).logits,
            model(input_ids=ids, pixel_values=pixels).logits,
        )


def test_towers_are_registered_by_model_type() -> None:
    tower = AutoModel.from_config(ToyTowerConfig())
    assert type(tower).__name__ == "ToyTower"


def test_projector_is_llavas_and_seeded(backbone: Path) -> None:
    first, second, other = (compose(backbone) for _ in range(3))
    for model, seed in ((first, 0), (second, 0), (other, 1)):
        initialise_projector(model, seed)
    config = load_config(backbone)
    shapes = {
        n.rsplit("projector.", 1)[-1]: tuple(t.shape) for n, t in stage1_tensors(first).items()
    }
    assert shapes["linear_1.weight"] == (config.text_config.hidden_size, 24)
    assert shapes["linear_2.weight"] == (config.text_config.hidden_size,) * 2
    same = [
        torch.equal(a, b)
        for a, b in zip(
            stage1_tensors(first).values(), stage1_tensors(second).values(), strict=True
        )
    ]
    assert all(same)
    weight = "model.multi_modal_projector.linear_1.weight"
    assert not torch.equal(stage1_tensors(first)[weight], stage1_tensors(other)[weight])


def test_naming_equals_full_forward_over_prompt_and_name(backbone: Path) -> None:
    model = compose(backbone)
    initialise_projector(model, 0)
    template = Template("user-assistant", tokenizer(), 9)
    names = ["red", "blue cat", "green dog red", "dog", "cat a b"]
    pictures = _pictures(len(names))
    concepts = pd.DataFrame(
        {"concept": names, "kind": "object", "name": names, "image": list(pictures)}
    )
    features = encode(model, pictures)
    table = check_naming(model, template, "What is this ?", concepts, features, seed=3)
    prompt = template.question("What is this ?", picture=True)
    for row, candidates in enumerate(draw_candidates(concepts, 3)):
        scores = []
        for place in candidates:
            name = template.answer(names[place])
            ids = torch.tensor([[*prompt, *name]])
            with torch.no_grad():
                embeddings = model.get_input_embeddings()(ids)
                shown = ids[0] == model.config.image_token_id
                pictured = model.model.multi_modal_projector(features.of([f"set/{row}"]))
                embeddings[0, shown] = pictured[0]
                logits = model(inputs_embeds=embeddings).logits[0].log_softmax(-1)
            start = len(prompt) - 1
            scores.append(np.mean([float(logits[start + i, t]) for i, t in enumerate(name)]))
        assert table["own_log_likelihood"][row] == pytest.approx(scores[0], abs=1e-4)
        assert table["best_other_log_likelihood"][row] == pytest.approx(max(scores[1:]), abs=1e-4)
        assert table["correct"][row] == int(scores[0] > max(scores[1:]))


def test_naming_candidates_are_three_others_of_the_same_kind() -> None:
    kinds = ["object"] * 6 + ["country"] * 5
    concepts = pd.DataFrame({"kind": kinds})
    for own, candidates in enumerate(draw_candidates(concepts, 0)):
        assert candidates[0] == own
        assert len(set(candidates)) == 4
        assert {kinds[c] for c in candidates} == {kinds[own]}


def test_random_weights_do_not_depend_on_the_global_generator() -> None:
    made = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        made.append(random_weights(ToyTower(ToyTowerConfig())))
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0])
