"""What must fit within a recipe, the base one or a cell's, and between it and the data."""

from __future__ import annotations

from mlan.config.data import Data
from mlan.config.models import is_embedded
from mlan.config.problems import Problem, unknown_set
from mlan.config.recipe import Align, Mixture, Recipe
from mlan.errors import nearest

# Keys of stage 1 that are read where it learns from captions.
_OF_CAPTIONS = (
    *("epochs", "warmup_share", "caption_template", "caption_end"),
    *("caption_layout", "caption_capacity", "rows_at_once"),
)


def recipe_problems(data: Data, recipe: Recipe) -> list[Problem]:
    """Return what does not fit between a recipe, the base one or a cell's, and the data."""
    return [
        *_align_problems(data, recipe.align),
        *_weight_problems(data, "text", recipe.mixture.text),
        *_weight_problems(data, "vision", recipe.mixture.vision),
        *_arm_problems(recipe.mixture),
        *_nothing_to_learn(recipe),
        *_precision_problems(recipe),
        *_noise_problems(recipe),
        *_tokenizer_problems(recipe),
    ]


def _align_problems(data: Data, align: Align) -> list[Problem]:
    key = "recipe.align"
    sets = {"naming_images": align.naming_images}
    if align.captions is None and align.existing is None:
        sets["images"] = align.images
    problems = [
        unknown_set(f"{key}.{field}", name, data)
        for field, name in sorted(sets.items())
        if name is not None and name not in data.images
    ]
    if align.captions is None:
        return problems + [
            Problem(
                f"{key}.{field}: is about captions; {key}.captions names none", (f"{key}.{field}",)
            )
            for field in _OF_CAPTIONS
            if getattr(align, field) != Align.model_fields[field].default
        ]
    mine, named = f"{key}.captions", repr(align.captions)
    if align.existing is not None:
        line = f"{key}.from: is used in place of training; {mine} = {named} would not be read"
        problems.append(Problem(line, (f"{key}.from", mine)))
    if align.captions not in data.sources:
        line = f"{mine} = {named}: unknown source; {nearest(align.captions, data.sources)}"
        problems.append(Problem(line, (mine, "data.sources.*")))
    elif data.sources[align.captions].modality != "vision":
        line = f"{mine} = {named}: a source of texts; captions have pictures"
        problems.append(Problem(line, (mine, f"data.sources.{align.captions}.modality")))
    if align.method != "plain":
        line = (
            f"{key}.method = {align.method!r}: needs names of things; captions are learnt `plain`"
        )
        problems.append(Problem(line, (f"{key}.method", mine)))
    return problems


def _weight_problems(data: Data, modality: str, weights: dict[str, float]) -> list[Problem]:
    problems = []
    for name in weights:
        key = f"recipe.mixture.{modality}.{name}"
        if name not in data.sources:
            line = f"{key}: unknown source; {nearest(name, data.sources)}"
            problems.append(Problem(line, (key, "data.sources.*")))
        elif data.sources[name].modality != modality:
            line = (
                f"{key}: source {name!r} has modality {data.sources[name].modality!r}; "
                f"it must be {modality!r} here"
            )
            problems.append(Problem(line, (key, f"data.sources.{name}.modality")))
    return problems


def _arm_problems(mixture: Mixture) -> list[Problem]:
    """The arm's own budget is given, and no other."""
    key, arm = "recipe.mixture", f"recipe.mixture.arm = {mixture.arm!r}"
    problems = []
    for name in ("instances", "tokens"):
        value = getattr(mixture, name)
        if name == mixture.arm and value is None:
            line = f"{key}.{name}: missing; {arm} needs it"
        elif name != mixture.arm and value is not None:
            line = f"{key}.{name} = {value}: is not what {arm} holds equal; set it to null"
        else:
            continue
        problems.append(Problem(line, (f"{key}.{name}", f"{key}.arm")))
    if mixture.arm == "tokens" and mixture.match == "down":
        line = f"{key}.match = 'down': lowers instances; with {arm} it is refuse or up"
        problems.append(Problem(line, (f"{key}.match", f"{key}.arm")))
    return problems


def _nothing_to_learn(recipe: Recipe) -> list[Problem]:
    problems = []
    share = recipe.mixture.text_share
    parts = (("text", recipe.mixture.text, share), ("vision", recipe.mixture.vision, 1 - share))
    for modality, weights, part in parts:
        if part > 0 and not weights:
            key = f"recipe.mixture.{modality}"
            line = f"{key}: empty, but text_share = {share}"
            problems.append(Problem(line, (key, "recipe.mixture.text_share")))
    if recipe.tune.language_model == "frozen" and (recipe.tune.projector == "frozen" or share == 1):
        line = "recipe.tune.language_model = 'frozen': nothing would be trained"
        rests_on = ("recipe.tune.language_model", "recipe.tune.projector")
        problems.append(Problem(line, (*rests_on, "recipe.mixture.text_share")))
    return problems


def _precision_problems(recipe: Recipe) -> list[Problem]:
    """Weights in bf16 are multiplied in bf16; fp32 products of them would promise too much."""
    if recipe.backbone.precision == "bf16":
        return []
    halved = {"weights": ("fp32_master", "bf16_stochastic"), "attention": ("flash",)}
    return [
        Problem(
            f"recipe.tune.{key} = {value!r}: needs recipe.backbone.precision = 'bf16'",
            (f"recipe.tune.{key}", "recipe.backbone.precision"),
        )
        for key, values in halved.items()
        if (value := getattr(recipe.tune, key)) in values
    ]


def _tokenizer_problems(recipe: Recipe) -> list[Problem]:
    backbone = recipe.backbone
    if backbone.tokenizer is None or not is_embedded(backbone.language_model):
        return []
    line = (
        f"recipe.backbone.tokenizer = {backbone.tokenizer!r}: {backbone.language_model} is "
        "embedded and has its own; leave it out"
    )
    return [Problem(line, ("recipe.backbone.tokenizer", "recipe.backbone.language_model"))]


def _noise_problems(recipe: Recipe) -> list[Problem]:
    tower = recipe.backbone.vision_tower
    if is_embedded(tower):
        return []
    return [
        Problem(
            f"recipe.{part}.feature_noise = {noise:g}: noise is in units of standardised features, "
            f"which only embedded towers have; set it to 0 for {tower}",
            (f"recipe.{part}.feature_noise", "recipe.backbone.vision_tower"),
        )
        for part, noise in (
            ("align", recipe.align.feature_noise),
            ("tune", recipe.tune.feature_noise),
        )
        if noise > 0
    ]
