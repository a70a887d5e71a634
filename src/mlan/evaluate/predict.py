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

from mlan.data.items import offered, read_items
from mlan.data.pictures import Pictures
from mlan.data.tables import rows_of
from mlan.errors import DataError
from mlan.evaluate.engine import Answer, Question, answer, check_options
from mlan.evaluate.journal import Journal
from mlan.evaluate.prompts import PROMPTS
from mlan.mixture.template import Template, load_tokenizer
from mlan.model.compose import arithmetic, compose, load_stage1, prepare_torch
from mlan.model.features import Features, features_of
from mlan.records import checked, digest, read_record, write_parquet
from mlan.stage import Job, log
from mlan.train import trainable
from mlan.train.meter import Meter
from mlan.weights import check_weights

BLANK = "blank"


@dataclass(frozen=True)
class Asked:
    """The questions of one benchmark under one condition, cut into batches."""

    benchmark: str
    condition: str
    batches: list[list[Question]]
    max_new_tokens: int


def predict(job: Job) -> None:
    """Write one table of predictions a benchmark.

    job.identity: benchmarks ({name: {modality, max_new_tokens?}}), evaluate (conditions,
    max_new_tokens, batch, batch_tokens), template, tune (None for the untuned model), device,
    precision, image_size.
    job.inputs: backbone, align (absent for a released model), weights (absent for that and the
    untuned model), `items:<benchmark>`, `images:<set>`.
    """
    identity = job.identity
    prepare_torch(job.threads, identity["device"])
    model = _model(job)
    template = Template(
        identity["template"], load_tokenizer(job.inputs["backbone"]), model.config.image_seq_length
    )
    items = {name: read_items(job.inputs[f"items:{name}"]) for name in identity["benchmarks"]}
    asked = [*_asked(identity, items, template)]
    for group in asked:
        check_lengths(group, model.model.language_model.config.max_position_embeddings)
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
    model = compose(backbone, device=job.identity["device"], precision=job.identity["precision"])
    if "align" in job.inputs:
        load_stage1(model, checked(job.inputs["align"] / "projector.safetensors"))
    if "weights" in job.inputs:
        folder = job.inputs["weights"]
        check_weights(folder)
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
                evaluate = identity["evaluate"]
                yield Asked(
                    name,
                    condition["image"],
                    batches_of(questions, evaluate["batch"], evaluate["batch_tokens"]),
                    benchmark.get("max_new_tokens", evaluate["max_new_tokens"]),
                )


def _question(item: dict[str, Any], blank: bool, template: Template) -> Question:
    options = list(item["options"])
    text = PROMPTS[item["form"]](item["question"], options)
    picture = item["image"] != ""
    question = Question(
        item=item["id"],
        part=item["part"],
        ids=template.question(text, picture=picture),
        picture=(BLANK if blank else item["image"]) if picture else "",
        options=[template.answer(answer) for answer in offered(item["form"], options)],
    )
    check_options(question)
    return question


def batches_of(questions: list[Question], largest: int, tokens: int) -> list[list[Question]]:
    """Cut questions, longest last, into the fewest batches of nearly equal size.

    A batch that holds more than `tokens` with its padding is cut again, down to one question.
    """
    ordered = sorted(questions, key=lambda q: (len(q.ids), q.item))
    batches = []
    for part in np.array_split(np.arange(len(ordered)), -(-len(ordered) // largest)):
        most = max(1, tokens // len(ordered[part[-1]].ids))
        for piece in np.array_split(part, -(-len(part) // most)):
            batches.append([ordered[i] for i in piece])
    return batches


def check_lengths(asked: Asked, context: int) -> None:
    """Raise DataError if a question with its answer is longer than the model's context."""
    room = context - asked.max_new_tokens
    long = [q for batch in asked.batches for q in batch if len(q.ids) > room]
    if long:
        most = max(len(q.ids) for q in long)
        raise DataError(
            f"data.benchmarks.{asked.benchmark}: {len(long)} questions are longer than the "
            f"model's context of {context} tokens less {asked.max_new_tokens} for the answer, "
            f"the longest has {most}; the first is {long[0].item!r}"
        )


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
            place = [group.benchmark, group.condition, group.max_new_tokens]
            key = digest([base, *place, [vars(q) for q in batch]])
            known = journal.get(key)
            if known is None:
                given = _answer_batch(job, model, batch, features, template, group.max_new_tokens)
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
    max_new_tokens: int,
) -> list[Answer]:
    keys = [q.picture for q in batch if q.picture]
    with arithmetic(job.identity["device"], job.identity["precision"]):
        return answer(
            model,
            batch,
            features.of(keys) if keys else None,
            end=template.end,
            max_new_tokens=max_new_tokens,
        )


def _line(question: Question, condition: str, given: Answer, text: str) -> dict[str, Any]:
    return {
        "item": question.item,
        "part": question.part,
        "condition": condition,
        "text": text.strip(),
        "ended": given.ended,
        "label_scores": given.label_scores,
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
        identity["device"],
        identity["precision"],
        identity["image_size"],
        images,
    ]
