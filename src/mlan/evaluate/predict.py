"""The predict stage: one model load, all benchmarks and conditions of a run.

Questions about pictures of one image set are asked together, those of a benchmark without
pictures by themselves. What shares a forward pass follows from them alone, so that answers are
the same whether or not the job was interrupted, and a new benchmark costs itself and those that
show pictures of the same set.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tokenizers import Tokenizer
from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.config.evaluate import Condition
from mlan.data.items import read_items
from mlan.data.pictures import Pictures
from mlan.errors import DataError
from mlan.evaluate.engine import Answer, Beginning, answer
from mlan.evaluate.journal import Journal
from mlan.evaluate.prompts import unquoted
from mlan.evaluate.questions import BLANK, Question, questions
from mlan.evaluate.recheck import flips, sample
from mlan.evaluate.trees import Shape, Tree, batches_of, beginning_of, grow
from mlan.mixture.template import Template, load_tokenizer
from mlan.model.compose import arithmetic, compose, load_stage1, prepare_torch
from mlan.model.features import Features, features_of
from mlan.records import checked, digest, read_record, write_parquet
from mlan.stage import Job, log
from mlan.train import trainable
from mlan.train.meter import Meter
from mlan.weights import check_weights

# What was asked of one item under one condition.
Key = tuple[str, str, str]
COLUMNS = [
    *("item", "part", "condition", "text", "ended"),
    *("label_scores", "choice_scores", "choice_tokens", "order", "batch"),
]


def predict(job: Job) -> None:
    """Write one table of predictions a benchmark.

    job.identity: benchmarks ({name: {modality, max_new_tokens?, prompt?, scorers?,
    continuation?}}), evaluate (conditions, max_new_tokens, batch, batch_tokens, seed?,
    recheck?), template, tune (None for the untuned model), device, precision, image_size.
    job.inputs: backbone, align (absent for a released model), weights (absent for that and the
    untuned model), `items:<benchmark>`, `images:<set>`.
    """
    identity = job.identity
    prepare_torch(job.threads, identity["device"])
    model = _model(job)
    tokenizer = load_tokenizer(job.inputs["backbone"])
    template = Template(identity["template"], tokenizer, model.config.image_seq_length)
    items = {name: read_items(job.inputs[f"items:{name}"]) for name in identity["benchmarks"]}
    asked = list(questions(identity, items, template))
    language = model.model.language_model.config
    check_lengths(asked, language.max_position_embeddings)
    image = (model.config.image_token_id, model.config.image_seq_length)
    shape = Shape(*image, language.hidden_size)
    evaluate = identity["evaluate"]
    batches = [
        (batch, beginning)
        for pool in pools(asked, items)
        for beginning in [Beginning(beginning_of(pool, shape.image_token))]
        for batch in batches_of(
            grow(pool, shape, evaluate["batch"]), evaluate["batch"], evaluate["batch_tokens"]
        )
    ]
    asker = _Asker(job, model, _features(job, model, asked), tokenizer, template.end)
    rows, run = asker.ask_all(batches)
    written = []
    for name in identity["benchmarks"]:
        path = job.out / f"{name}.parquet"
        keys = dict.fromkeys(key_of(q) for q in asked if q.benchmark == name)
        write_parquet(path, pd.DataFrame([rows[key] for key in keys], columns=COLUMNS))
        written.append(path)
    facts: dict[str, Any] = {"answers": len(rows), "batches": len(batches)}
    if again := sample(asked, evaluate.get("recheck", 0)):
        facts["alone"] = flips(
            again,
            lambda question: _given(rows[key_of(question)]),
            lambda question: asker.ask(grow([question], shape, 1), Beginning())[0],
        )
    job.finish(written, facts=facts, run=run)


def _given(row: dict[str, Any]) -> dict[str, Any]:
    return {"text": row["text"], "labels": row["label_scores"], "choices": row["choice_scores"]}


def key_of(question: Question) -> Key:
    """Return what joins the questions of one prediction."""
    return question.benchmark, question.item, question.condition


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


def check_lengths(questions: Sequence[Question], context: int) -> None:
    """Raise DataError if a question with its answer is longer than the model's context."""
    long = [q for q in questions if len(q.ids) + _answer_length(q) > context]
    if long:
        most = max(len(q.ids) for q in long)
        first = long[0]
        raise DataError(
            f"data.benchmarks.{first.benchmark}: {len(long)} questions are longer than the "
            f"model's context of {context} tokens less {_answer_length(first)} for the answer, "
            f"the longest has {most}; the first is {first.item!r}"
        )


def _answer_length(question: Question) -> int:
    return max([question.max_new_tokens, *map(len, question.choices)])


def pools(questions: Iterable[Question], items: dict[str, pd.DataFrame]) -> list[list[Question]]:
    """Return the questions that are asked together: of one image set, or one text benchmark."""
    name_of = {
        name: f"images {image.partition('/')[0]}" if (image := table["image"].iloc[0]) else name
        for name, table in items.items()
    }
    found: dict[str, list[Question]] = {}
    for question in questions:
        found.setdefault(name_of[question.benchmark], []).append(question)
    return list(found.values())


def _features(job: Job, model: LlavaForConditionalGeneration, asked: list[Question]) -> Features:
    keys = sorted({picture for question in asked for picture in question.pictures} - {BLANK})
    sets = {n.removeprefix("images:"): p for n, p in job.inputs.items() if n.startswith("images:")}
    pictures, size = Pictures(sets), job.identity["image_size"]
    blank = {BLANK: np.full((size, size, 3), 255, dtype=np.uint8)}

    def store(asked: Iterable[str]) -> dict[str, np.ndarray]:
        return {k: blank[k] if k == BLANK else pictures.get([k])[k] for k in asked}

    device, precision = job.identity["device"], job.identity["precision"]
    return features_of(model, [*keys, BLANK], store, device=device, precision=precision)


class _Asker:
    """Asks batches of a run's questions, or finds their answers in its journal."""

    def __init__(
        self,
        job: Job,
        model: LlavaForConditionalGeneration,
        features: Features,
        tokenizer: Tokenizer,
        end: int,
    ) -> None:
        self._job, self._model, self._features = job, model, features
        self._tokenizer, self._end = tokenizer, end
        conditions = [Condition(**c) for c in job.identity["evaluate"]["conditions"]]
        self._begun = {condition.name for condition in conditions if condition.primer}
        self._base = [_weights_digest(job), job.code, job.threads, _protocol(job), end]

    def ask_all(
        self, batches: list[tuple[list[Tree], Beginning]]
    ) -> tuple[dict[Key, dict[str, Any]], dict[str, Any]]:
        """Return the row of every prediction, and what the run's record should say."""
        journal = Journal(self._job.state / "journal.jsonl")
        total = sum(len(tree.questions) for batch, _ in batches for tree in batch)
        meter = Meter(self._job.state, "predict", total)
        rows: dict[Key, dict[str, Any]] = {}
        done = restored = 0
        for number, (batch, beginning) in enumerate(batches):
            questions = [question for tree in batch for question in tree.questions]
            asked = [[vars(q) for q in tree.questions] for tree in batch]
            key = digest([self._base, beginning.tokens, asked])
            known = journal.get(key)
            if known is None:
                known = self.ask(batch, beginning)
                journal.put(key, known)
            else:
                restored += len(known)
            for question, given in zip(questions, known, strict=True):
                _fill_in(rows, question, given, number)
            done += len(questions)
            meter.step(done, sum(len(q.ids) for q in questions), {})
        if restored:
            log.info("%d of %d answers restored from the journal", restored, total)
        return rows, {**meter.summary(), "restored": restored}

    def ask(self, batch: list[Tree], beginning: Beginning) -> list[dict[str, Any]]:
        """Ask one batch; the answers stand in the order of its trees and their questions."""
        keys = [picture for tree in batch for picture in tree.pictures]
        with arithmetic(self._job.identity["device"], self._job.identity["precision"]):
            features = self._features.of(keys) if keys else None
            given = answer(self._model, batch, features, end=self._end, beginning=beginning)
        asked = [question for tree in batch for question in tree.questions]
        together = zip(asked, chain.from_iterable(given), strict=True)
        return [self._told(question, found) for question, found in together]

    def _told(self, question: Question, found: Answer) -> dict[str, Any]:
        """Return an answer as the journal keeps it; one that was begun ends with its quote."""
        text, ended = str(self._tokenizer.decode(found.ids)), found.ended
        if question.condition in self._begun:
            text, ended = unquoted(text, ended)
        return {
            "text": text.strip(),
            "ended": ended,
            "labels": found.labels,
            "choices": found.choices,
        }


def _fill_in(
    rows: dict[Key, dict[str, Any]], question: Question, given: dict[str, Any], batch: int
) -> None:
    """Add one answer to its prediction's row; the two questions of an item share one."""
    row = rows.setdefault(
        key_of(question),
        {
            "item": question.item,
            "part": question.part,
            "condition": question.condition,
            "text": None,
            "ended": True,
            "label_scores": [],
            "choice_scores": [],
            "choice_tokens": [],
            "order": question.order,
            "batch": batch,
        },
    )
    if question.max_new_tokens:
        row |= {"text": given["text"], "ended": given["ended"]}
    if question.max_new_tokens or question.labels:
        row |= {"label_scores": given["labels"], "batch": batch}
    if question.choices:
        lengths = [len(option) for option in question.choices]
        row |= {"choice_scores": given["choices"], "choice_tokens": lengths}


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
