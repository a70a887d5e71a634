"""The predict stage: one model load, all benchmarks and conditions of a run.

Batches are made within a benchmark and condition, from items sorted by length; their
composition depends on nothing else, so that answers are the same whether or not the job was
interrupted and whichever other benchmarks are asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.data.pictures import Pictures
from mlan.data.tables import rows_of
from mlan.evaluate.engine import Answer, Question, answer, check_options
from mlan.evaluate.journal import Journal
from mlan.evaluate.prompts import DEFAULT_PROMPT, PROMPTS
from mlan.mixture.template import Template, load_tokenizer
from mlan.model.compose import arithmetic, compose, load_stage1, prepare_torch
from mlan.model.features import Features, features_of
from mlan.records import checked, digest, read_checked, read_record, write_parquet
from mlan.stage import Job, log
from mlan.train import trainable
from mlan.train.meter import Meter

BLANK = "blank"


@dataclass(frozen=True)
class Asked:
    """The questions of one benchmark under one condition, cut into batches."""

    benchmark: str
    condition: str
    batches: list[list[Question]]


def predict(job: Job) -> None:
    """Write one table of predictions a benchmark.

    job.identity: benchmarks ({name: {modality}}), evaluate (conditions, max_new_tokens,
    batch), template, tune (None for the untuned model), device, precision, image_size.
    job.inputs: backbone, align (absent for a released model), weights (absent for that and the
    untuned model), `items:<benchmark>`, `images:<set>`.
    """
    identity = job.identity
    prepare_torch(job.threads, identity["device"])
    model = _model(job)
    template = Template(
        identity["template"], load_tokenizer(job.inputs["backbone"]), model.config.image_seq_length
    )
    items = {
        name: read_checked(job.inputs[f"items:{name}"] / "items.parquet")
        for name in identity["benchmarks"]
    }
    asked = [*_asked(identity, items, template)]
    features = _features(job, model, asked)
    answers, run = _answer_all(job, model, asked, features, template)
    written = []
    for name in identity["benchmarks"]:
        path = job.out / f"{name}.parquet"
        write_parquet(path, pd.DataFrame(answers[name]))
        written.append(path)
    job.finish(written, facts={"answers": sum(map(len, answers.values()))}, run=run)


def _model(job: Job) -> LlavaForConditionalGeneration:
    backbone = job.inputs["backbone"]
    for name in read_record(backbone)["outputs"]:
        checked(backbone / name)
    model = compose(backbone, device=job.identity["device"])
    if "align" in job.inputs:
        load_stage1(model, checked(job.inputs["align"] / "projector.safetensors"))
    if "weights" in job.inputs:
        folder = job.inputs["weights"]
        for name in read_record(folder)["outputs"]:
            checked(folder / name)
        trainable.restore(model, folder, job.identity["tune"])
    return model


def _asked(
    identity: dict[str, Any], items: dict[str, pd.DataFrame], template: Template
) -> Iterator[Asked]:
    for name, benchmark in identity["benchmarks"].items():
        for condition in identity["evaluate"]["conditions"]:
            blank = condition["image"] == BLANK
            if blank and benchmark["modality"] == "text":
                continue
            chosen = items[name][items[name]["part"].isin(condition["parts"])]
            questions = [_question(item, blank, template) for item in rows_of(chosen)]
            if questions:
                batches = _batches(questions, identity["evaluate"]["batch"])
                yield Asked(name, condition["image"], batches)


def _question(item: dict[str, Any], blank: bool, template: Template) -> Question:
    options = list(item["options"])
    text = PROMPTS[DEFAULT_PROMPT](item["question"], options)
    picture = item["image"] != ""
    question = Question(
        item=item["id"],
        part=item["part"],
        ids=template.question(text, picture=picture),
        picture=(BLANK if blank else item["image"]) if picture else "",
        options=[template.answer(option) for option in options],
    )
    check_options(question)
    return question


def _batches(questions: list[Question], largest: int) -> list[list[Question]]:
    """Cut questions, longest last, into the fewest batches of nearly equal size."""
    ordered = sorted(questions, key=lambda q: (len(q.ids), q.item))
    parts = np.array_split(np.arange(len(ordered)), -(-len(ordered) // largest))
    return [[ordered[i] for i in part] for part in parts]


def _features(job: Job, model: LlavaForConditionalGeneration, asked: list[Asked]) -> Features:
    keys = sorted({q.picture for a in asked for b in a.batches for q in b} - {"", BLANK})
    sets = {n.removeprefix("images:"): p for n, p in job.inputs.items() if n.startswith("images:")}
    pictures, size = Pictures(sets), job.identity["image_size"]
    blank = {BLANK: np.full((size, size, 3), 255, dtype=np.uint8)}

    def store(asked: Iterable[str]) -> dict[str, np.ndarray]:
        return {k: blank[k] if k == BLANK else pictures.get([k])[k] for k in asked}

    device, precision = job.identity["device"], job.identity["precision"]
    return features_of(model, [*keys, BLANK], store, device=device, precision=precision)


def _answer_all(
    job: Job,
    model: LlavaForConditionalGeneration,
    asked: list[Asked],
    features: Features,
    template: Template,
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    journal = Journal(job.state / "journal.jsonl")
    base = [_weights_digest(job), job.code, job.threads, _protocol(job)]
    total = sum(len(batch) for a in asked for batch in a.batches)
    meter = Meter(job.state, "predict", total)
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in job.identity["benchmarks"]}
    tokenizer = load_tokenizer(job.inputs["backbone"])
    done = restored = 0
    for group in asked:
        for batch in group.batches:
            key = digest([base, group.benchmark, group.condition, [vars(q) for q in batch]])
            known = journal.get(key)
            if known is None:
                given = _answer_batch(job, model, batch, features, template)
                known = [
                    _line(q, group.condition, a, tokenizer.decode(a.ids))
                    for q, a in zip(batch, given, strict=True)
                ]
                journal.put(key, known)
            else:
                restored += len(batch)
            answers[group.benchmark] += known
            done += len(batch)
            meter.step(done, sum(len(q.ids) for q in batch), {"benchmark": group.benchmark})
    if restored:
        log.info("%d of %d answers restored from the journal", restored, total)
    return answers, {**meter.summary(), "restored": restored}


def _answer_batch(
    job: Job,
    model: LlavaForConditionalGeneration,
    batch: list[Question],
    features: Features,
    template: Template,
) -> list[Answer]:
    keys = [q.picture for q in batch if q.picture]
    with arithmetic(job.identity["device"], job.identity["precision"]):
        return answer(
            model,
            batch,
            features.of(keys) if keys else None,
            end=template.end,
            max_new_tokens=job.identity["evaluate"]["max_new_tokens"],
        )


def _line(question: Question, condition: str, given: Answer, text: str) -> dict[str, Any]:
    return {
        "item": question.item,
        "part": question.part,
        "condition": condition,
        "text": text.strip(),
        "ended": given.ended,
        "option_scores": given.option_scores,
    }


def _weights_digest(job: Job) -> str:
    """Digest of the model's weights as files, however they came about."""
    folders: list[Path] = [
        job.inputs[n] for n in ("backbone", "align", "weights") if n in job.inputs
    ]
    return digest([read_record(folder)["outputs"] for folder in folders])


def _protocol(job: Job) -> list[Any]:
    identity = job.identity
    images = {
        name: read_record(path)["outputs"]
        for name, path in job.inputs.items()
        if name.startswith("images:")
    }
    return [
        identity["evaluate"]["max_new_tokens"],
        identity["device"],
        identity["precision"],
        identity["image_size"],
        images,
    ]
