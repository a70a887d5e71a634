"""Stage 1: the projector learns to name pictures. Tower and language model are frozen.

With `captions` it learns those of a vision source, as LLaVA does (`mlan.train.captions`); without,
the names of embedded concepts. `plain` is LLaVA's stage 1 on bare names.
`warm_start` comes before it and stays on as a regulariser: without the language model, each
picture token is pulled towards the input embedding of one token of the name (cosine
cross-entropy over all name tokens, temperature .07, plus mean squared error in units of the
embeddings' variance). It makes the stage a matter of minutes on a CPU, at a price: picture
tokens become word-like by construction, which the paper's recipe does not do.

No end token follows a name: right after a bare name it is so unlikely to the frozen model
that learning it drowns the names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.data.pictures import Pictures, index_of
from mlan.flops import training_flops
from mlan.mixture.rows import lay_out
from mlan.mixture.template import Template, load_tokenizer
from mlan.model.compose import (
    arithmetic,
    compose,
    initialise_projector,
    prepare_torch,
    stage1_tensors,
)
from mlan.model.features import Features, features_of
from mlan.model.standard_towers import tower_of
from mlan.records import (
    atomic,
    checked,
    digest,
    file_digest,
    read_checked,
    read_record,
    write_csv,
    write_parquet,
)
from mlan.stage import Job, log
from mlan.train.batches import Batch
from mlan.train.captions import plan_captions, train_captions
from mlan.train.checkpoint import Checkpoint
from mlan.train.meter import Meter, reset_metrics
from mlan.train.naming import NO_NAMING, check_naming
from mlan.train.objective import step_loss, token_losses
from mlan.train.projector import read_projector
from mlan.train.schedule import set_rates
from mlan.train.seeds import derive, generator
from mlan.train.shapes import decoder_shape

QUESTION = "What is this?"
_TEMPERATURE = 0.07
_WARM_WARMUP = 20
# Steps whose captions are sorted by length together.
_WINDOW = 15


@dataclass(frozen=True)
class Captions:
    """Pictures and the token ids of their names."""

    features: Features
    images: list[str]  # key of each picture
    names: list[list[int]]  # of each picture
    words: Tensor  # (W,) distinct name tokens
    goal: Tensor  # (N, T) index into `words`: token k of a picture is pulled to name token k

    def pictures(self, rows: list[int]) -> Tensor:
        """Return the standardised features of some pictures, (len(rows), T, D)."""
        return self.features.of([self.images[row] for row in rows])


def align(job: Job) -> None:
    """Write projector.safetensors (with the tower's statistics) and naming.csv.

    job.identity: align, template, seed, device, precision. job.inputs: backbone, images, and
    concepts (named) or `source:<captions>`; where naming is checked, naming_images and concepts.
    From captions there is plan.parquet, too; without a check, naming.csv has no line. With `from`
    nothing is trained: job.inputs has the `file` that holds the projector, or `projector` which
    fetched it.
    """
    recipe, device = job.identity["align"], job.identity["device"]
    prepare_torch(job.threads, device)
    for name in read_record(job.inputs["backbone"])["outputs"]:
        checked(job.inputs["backbone"] / name)
    precision = job.identity["precision"]
    model = compose(job.inputs["backbone"], device=device, precision=precision)
    initialise_projector(model, derive("projector", job.identity["seed"]))
    tokenizer = load_tokenizer(job.inputs["backbone"])
    template = Template(job.identity["template"], tokenizer, model.config.image_seq_length)
    written = [job.out / "projector.safetensors", job.out / "naming.csv"]
    if "from" in recipe:
        facts, run = _take(job, model)
    elif recipe["captions"]:
        captioned = plan_captions(job, model.config.image_seq_length)
        write_parquet(job.out / "plan.parquet", captioned.plan)
        written.append(job.out / "plan.parquet")
        features = _features(job, model, "images", captioned.images, measure=True)
        facts, run = train_captions(job, model, captioned, features)
    else:
        facts, run = _train_on_names(job, model, template)
    naming = _naming(job, model, template) if "naming_images" in job.inputs else NO_NAMING
    with atomic(written[0]) as path:
        save_file(stage1_tensors(model), path)
    write_csv(written[1], naming)
    by_kind = naming.groupby("kind")["correct"].mean()
    for kind, value in by_kind.items():
        log.info("naming, unseen style, 4-way: %s %.3f", kind, value)
    job.finish(
        written,
        facts={**facts, **{f"naming_{k}": round(float(v), 6) for k, v in by_kind.items()}},
        run=run,
    )
    Checkpoint(job.state / "checkpoint.safetensors", "").remove()


def _take(job: Job, model: LlavaForConditionalGeneration) -> tuple[dict[str, Any], dict[str, Any]]:
    """Put an existing projector into the model; return where it came from."""
    if "file" in job.inputs:
        path = job.inputs["file"]
    else:
        path = checked(job.inputs["projector"] / job.identity["align"]["from"])
    state = model.state_dict()
    for name, tensor in read_projector(path, stage1_tensors(model)).items():
        state[name].copy_(tensor)
    log.info("stage 1 is the projector of %s", path)
    return {"from": path.name, "from_sha256": file_digest(path)}, {}


def _train_on_names(
    job: Job, model: LlavaForConditionalGeneration, template: Template
) -> tuple[dict[str, Any], dict[str, Any]]:
    captions = _captions(job, model, template, _concepts(job))
    log.info(
        "stage 1 on %d pictures of %d names",
        *(len(captions.names), len({tuple(name) for name in captions.names})),
    )
    return _train(job, model, template, captions, job.identity["align"])


def _concepts(job: Job) -> pd.DataFrame:
    return read_checked(job.inputs["concepts"] / "concepts.parquet")


def _pictured(index: pd.DataFrame, concepts: pd.DataFrame) -> pd.DataFrame:
    """Join the plain pictures of an image set with their concepts' names."""
    plain = index[index["scene"] == "plain"]
    return plain.merge(
        concepts[["concept", "kind", "name"]], on="concept", how="inner"
    ).sort_values("row", ignore_index=True)


def _captions(
    job: Job, model: LlavaForConditionalGeneration, template: Template, concepts: pd.DataFrame
) -> Captions:
    lines = _pictured(index_of(job.inputs["images"]), concepts)
    images = list(lines["image"])
    features = _features(job, model, "images", images, measure=True)
    names = [template.answer(name) for name in lines["name"]]
    words = torch.tensor(sorted({token for name in names for token in name}))
    place = {int(token): i for i, token in enumerate(words)}
    tokens = model.config.image_seq_length
    goal = torch.tensor([[place[n[k % len(n)]] for k in range(tokens)] for n in names])
    device = model.device
    return Captions(features, images, names, words.to(device), goal.to(device))


def _features(
    job: Job,
    model: LlavaForConditionalGeneration,
    folder: str,
    images: list[str],
    *,
    measure: bool = False,
) -> Features:
    store = Pictures({"images": job.inputs[folder]}).get
    device, precision = job.identity["device"], job.identity["precision"]
    return features_of(model, images, store, device=device, precision=precision, measure=measure)


def _train(
    job: Job,
    model: LlavaForConditionalGeneration,
    template: Template,
    captions: Captions,
    recipe: dict[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    projector = model.model.multi_modal_projector
    parameters = {n: p.requires_grad_(True) for n, p in projector.named_parameters()}
    optimiser = torch.optim.AdamW(parameters.values(), lr=0.0, weight_decay=0.0, fused=True)
    optimiser.param_groups[0]["peak"] = recipe["learning_rate"]
    checkpoint = Checkpoint(job.state / "checkpoint.safetensors", _key(job))
    done, _ = checkpoint.load(parameters, optimiser)
    warm = recipe["method"] == "warm_start"
    if warm and not done:
        _warm_start(model, captions, recipe, job.identity["seed"])
    reset_metrics(job.state, done)
    meter = Meter(job.state, "align", recipe["steps"], done=done)
    shape = decoder_shape(model)
    prompt = len(template.question(QUESTION, picture=True))
    pull = recipe["regulariser"] if warm else 0.0
    order = _order([len(name) for name in captions.names], recipe, job.identity["seed"])
    value = float("nan")
    for step in range(done, recipe["steps"]):
        set_rates(optimiser, step, recipe["steps"], recipe["warmup_steps"])
        rows = order[step * recipe["batch"] : (step + 1) * recipe["batch"]]
        batch = _name_batch(template, [captions.names[r] for r in rows])
        noise = generator("align noise", job.identity["seed"], step)
        features = tower_of(model).noise(captions.pictures(rows), recipe["feature_noise"], noise)
        with arithmetic(job.identity["device"], job.identity["precision"]):
            loss = step_loss(token_losses(model, batch, features), batch)
            value = float(loss.detach())
            if pull:
                loss = loss + pull * _pull_loss(model, features, captions, rows)
        _update(optimiser, parameters, loss, recipe["clip_norm"])
        lengths = [prompt + len(captions.names[row]) for row in rows]
        meter.flops += training_flops(shape, lengths, len(batch.target), full=False)
        meter.step(step + 1, batch.tokens, {"loss": value})
        if step + 1 < recipe["steps"] and checkpoint.due():
            checkpoint.save(step + 1, parameters, optimiser, {})
    for parameter in parameters.values():
        parameter.requires_grad_(False)
    return {"final_loss": round(value, 6) if np.isfinite(value) else None}, meter.summary()


def _key(job: Job) -> str:
    inputs = {name: digest(read_record(folder)) for name, folder in job.inputs.items()}
    return digest([job.identity, job.code, inputs])


def _order(lengths: list[int], recipe: dict[str, Any], seed: int) -> list[int]:
    """Picture numbers for all steps: whole permutations; neighbours in length share a step.

    `lengths` are those of the pictures' names.
    """
    needed = recipe["steps"] * recipe["batch"]
    rng = np.random.default_rng([derive("align order", seed)])
    rounds = [rng.permutation(len(lengths)) for _ in range(-(-needed // len(lengths)))]
    drawn = [int(i) for i in np.concatenate(rounds)[:needed]]
    places = lay_out(
        [lengths[picture] for picture in drawn],
        layout="sorted",
        examples_per_step=recipe["batch"],
        window=_WINDOW,
        capacity=max(lengths),
        seed=seed,
    )
    return [drawn[place.index] for place in places]


def _warm_start(
    model: LlavaForConditionalGeneration, captions: Captions, recipe: dict[str, Any], seed: int
) -> None:
    projector = model.model.multi_modal_projector
    optimiser = torch.optim.AdamW(projector.parameters(), lr=0.0, weight_decay=0.01, fused=True)
    optimiser.param_groups[0]["peak"] = recipe["learning_rate"]
    steps = recipe["warm_steps"]
    for step in range(steps):
        set_rates(optimiser, step, steps, _WARM_WARMUP)
        draw = generator("warm start", seed, step)
        drawn = torch.randint(len(captions.names), (recipe["warm_batch"],), generator=draw)
        rows: list[int] = drawn.tolist()
        features = tower_of(model).noise(captions.pictures(rows), recipe["feature_noise"], draw)
        loss = _pull_loss(model, features, captions, rows)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if (step + 1) % 100 == 0:
            log.info("warm start %d/%d loss %.3f", step + 1, steps, float(loss.detach()))


def _pull_loss(
    model: LlavaForConditionalGeneration, features: Tensor, captions: Captions, rows: list[int]
) -> Tensor:
    """Cosine cross-entropy to the name's tokens plus scaled squared error, a scalar."""
    words = model.model.language_model.embed_tokens.weight[captions.words].detach()  # (W, E)
    centre = words.mean(0)
    directions = F.normalize(words - centre, dim=-1)
    tokens: Tensor = model.model.multi_modal_projector(features)  # (B, T, E)
    goal = captions.goal[rows]  # (B, T)
    cosine = F.normalize(tokens - centre, dim=-1) @ directions.T / _TEMPERATURE
    entropy = F.cross_entropy(cosine.flatten(0, 1), goal.flatten())
    error: Tensor = F.mse_loss(tokens, words[goal]) / words.var()
    return entropy + error


def _name_batch(template: Template, names: list[list[int]]) -> Batch:
    """One row a picture: prompt, picture, name; all name tokens weigh the same."""
    prompt = template.question(QUESTION, picture=True)
    rows = [[*prompt, *name[:-1]] for name in names]  # the last token is only predicted
    length = max(map(len, rows))
    ids = torch.tensor([row + [template.end] * (length - len(row)) for row in rows])
    at = [
        b * length + len(prompt) + k - 1 for b, name in enumerate(names) for k in range(len(name))
    ]
    target = [token for name in names for token in name]
    return Batch(
        ids=ids,
        position_ids=None,
        predict_at=torch.tensor(at),
        target=torch.tensor(target),
        weight=torch.full((len(target),), 1.0 / len(target)),
        source=torch.zeros(len(target), dtype=torch.long),
        images=[],
        tokens=sum(len(prompt) + len(name) for name in names),
    )


def _update(
    optimiser: torch.optim.Optimizer, parameters: dict[str, Tensor], loss: Tensor, clip: float
) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters.values(), clip)
    optimiser.step()


def _naming(job: Job, model: LlavaForConditionalGeneration, template: Template) -> pd.DataFrame:
    lines = _pictured(index_of(job.inputs["naming_images"]), _concepts(job))
    lines = lines[lines["view"] == 0].reset_index(drop=True)
    features = _features(job, model, "naming_images", list(lines["image"]))
    with arithmetic(job.identity["device"], job.identity["precision"]):
        return check_naming(model, template, QUESTION, lines, features, job.identity["seed"])
