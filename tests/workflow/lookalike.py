"""Look-alikes of every repository in config/paper.yaml: real schemas, tiny content.

Files stand where the study looks for them, as the cards lay them out: parquet shards, pictures
within or in an archive, models by transformers' own `save_pretrained`. The language model
speaks the embedded tokens and Llama's `<s>` and `</s>`.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from tokenizers import AddedToken
from transformers import CLIPVisionConfig, CLIPVisionModel, LlamaConfig, LlamaForCausalLM

from mlan.mixture.tokenizer import embedded_tokenizer
from tests.data.public import picture, write_rows
from tests.hub.loopback import Hub
from tests.model_folders import SHAPE, TOWER, randomise, write_pixels

_ROWS, _ITEMS = 24, 20
_COLOURS = ("red", "blue", "green", "white", "black")
_LABELS = ["A", "B", "C", "D"]
Row = dict[str, Any]


def publish(hub: Hub, folder: Path) -> None:
    """Publish every repository that config/paper.yaml names."""
    _language_model(hub, folder / "lm")
    _tower(hub, folder / "eye")
    for repository, files in {**_sources(), **_benchmarks()}.items():
        content = {}
        for path, rows in files.items():
            written = write_rows(folder / repository / path, rows)
            content[path] = written.read_bytes()
        hub.publish(repository, content, kind="dataset", licence="cc0-1.0")
    hub.publish("liuhaotian/LLaVA-Pretrain", _captions(), kind="dataset", licence="other")


def _language_model(hub: Hub, folder: Path) -> None:
    tokenizer = embedded_tokenizer()
    tokenizer.add_special_tokens([AddedToken(t, special=True) for t in ("<s>", "</s>")])
    rows = tokenizer.get_vocab_size()
    config = LlamaConfig(**SHAPE, vocab_size=rows, max_position_embeddings=2048)
    model = randomise(LlamaForCausalLM(config), 1)
    model.save_pretrained(folder, max_shard_size="4MB")
    tokenizer.save(str(folder / "tokenizer.json"))
    files = _files(folder)
    hub.publish("meta-llama/Llama-2-7b-hf", files, licence="llama2")
    # Vicuna's has pickled weights, and a tokenizer that only sentencepiece reads.
    (folder / "vicuna").mkdir()
    torch.save(model.state_dict(), folder / "vicuna" / "pytorch_model.bin")
    vicuna = {"config.json": files["config.json"], "tokenizer.model": b"sentencepiece"}
    hub.publish("lmsys/vicuna-7b-v1.5", vicuna | _files(folder / "vicuna"), licence="llama2")


def _tower(hub: Hub, folder: Path) -> None:
    shape = {**TOWER, "image_size": 336, "patch_size": 14}
    tower = randomise(CLIPVisionModel(CLIPVisionConfig(**shape)), 2)
    tower.save_pretrained(folder)
    # Its main branch has pickled weights alone.
    (folder / "model.safetensors").unlink()
    torch.save(tower.state_dict(), folder / "pytorch_model.bin")
    write_pixels(folder)
    hub.publish("openai/clip-vit-large-patch14-336", _files(folder))


def _files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def _shot(number: int) -> Row:
    """A picture that no other number has."""
    return picture(_COLOURS[number % len(_COLOURS)], (20 + number, 16))


def _captions() -> dict[str, bytes]:
    stream = io.BytesIO()
    lines = []
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(_ROWS):
            name = f"00{number % 3}/{number:09d}.jpg"
            shot = io.BytesIO()
            Image.new("RGB", (30 + number, 24), _COLOURS[number % 5]).save(shot, "JPEG")
            archive.writestr(name, shot.getvalue())
            asked = {"from": "human", "value": "Describe it.\n<image>"}
            told = {"from": "gpt", "value": f"a {_COLOURS[number % 5]} field, number {number}"}
            lines.append({"id": f"{number:09d}", "image": name, "conversations": [asked, told]})
    return {
        "blip_laion_cc_sbu_558k.json": json.dumps(lines).encode(),
        "images.zip": stream.getvalue(),
    }


def _sources() -> dict[str, dict[str, list[Row]]]:
    choices = {"text": ["ice", "tea", "oil", "sand"], "label": _LABELS}
    numbers = range(_ROWS)
    arc = [
        {"id": f"MCAS_{n}", "question": f"What is {n}?", "choices": choices, "answerKey": "C"}
        for n in numbers
    ]
    return {
        "rajpurkar/squad": {
            "plain_text/train-00000-of-00001.parquet": [
                {
                    "id": f"q{n}",
                    "title": "Towns",
                    "context": f"Town {n} is by a river.",
                    "question": f"Where is town {n}?",
                    "answers": {"text": ["by a river"], "answer_start": [10]},
                }
                for n in numbers
            ]
        },
        "ChilleD/StrategyQA": {
            "data/train-00000-of-00001.parquet": [
                {
                    "qid": f"s{n}",
                    "term": "Caesar",
                    "description": "a consul",
                    "question": f"Had he {n} sons?",
                    "answer": n % 2 == 0,
                    "facts": "He had some.",
                }
                for n in numbers
            ]
        },
        "tau/commonsense_qa": {
            "data/train-00000-of-00001.parquet": [
                {
                    "id": f"c{n}",
                    "question": f"Where are {n} people?",
                    "question_concept": "people",
                    "choices": choices,
                    "answerKey": "B",
                }
                for n in numbers
            ]
        },
        "allenai/cosmos_qa": {
            "data/train-00000-of-00001.parquet": [
                {
                    "id": f"3BFF##q{n}",
                    "context": f"He had {n} days off .",
                    "question": "Why is he glad ?",
                    "answer0": "He is ill .",
                    "answer1": "He can rest .",
                    "answer2": "He is bored .",
                    "answer3": "None of the above choices .",
                    "label": 1,
                }
                for n in numbers
            ]
        },
        "allenai/ai2_arc": {
            "ARC-Challenge/train-00000-of-00001.parquet": arc[: _ROWS // 2],
            "ARC-Easy/train-00000-of-00001.parquet": arc[_ROWS // 2 :],
        },
        "HuggingFaceM4/VQAv2": {
            f"data/train-0000{shard}-of-00002.parquet": [
                {
                    "question_type": "what color is the",
                    "multiple_choice_answer": _COLOURS[n % 5],
                    "answers": [{"answer": _COLOURS[n % 5], "answer_id": 1}],
                    "image_id": n,
                    "answer_type": "other",
                    "question_id": 1000 + n,
                    "question": "What color is it?",
                    "image": _shot(n),
                }
                for n in numbers
                if n % 2 == shard
            ]
            for shard in (0, 1)
        },
        "HuggingFaceM4/A-OKVQA": {
            "data/train-00000-of-00001.parquet": [
                {
                    "question_id": f"k{n}",
                    "question": "What is it for?",
                    "choices": choices["text"],
                    "correct_choice_idx": 1,
                    "direct_answers": "['tea']",
                    "difficult_direct_answer": False,
                    "rationales": ["It is hot."],
                    "image": _shot(n),
                }
                for n in numbers
            ]
        },
    }


def _benchmarks() -> dict[str, dict[str, list[Row]]]:
    four = ["one", "two", "three", "four"]
    numbers = range(_ITEMS)
    choices = {"text": four, "label": _LABELS}
    book = [
        {"id": f"b{n}", "question_stem": f"{n} is", "choices": choices, "answerKey": "D"}
        for n in numbers
    ]
    exam = [
        {"question": f"Which is {n}?", "subject": "anatomy", "choices": four, "answer": 1}
        for n in numbers
    ]
    science = [
        {
            "image": _shot(n) if n % 2 else None,
            "question": f"Which is {n}?",
            "choices": four[:3],
            "answer": 0,
            "hint": "",
            "subject": "natural science",
        }
        for n in range(2 * _ITEMS)
    ]
    return {
        "EleutherAI/race": {
            "high/test-00000-of-00001.parquet": [
                {
                    "article": f"A cat sat {n} times.",
                    "problems": "[{'question': 'Who?', 'answer': 'A', "
                    "'options': ['a cat', 'a dog', 'a cow', 'a hen']}]",
                }
                for n in numbers
            ]
        },
        "allenai/openbookqa": {
            "main/test-00000-of-00001.parquet": book,
            "main/validation-00000-of-00001.parquet": [
                {**row, "id": f"dev-{row['id']}"} for row in book[:5]
            ],
        },
        "google/boolq": {
            "data/validation-00000-of-00001.parquet": [
                {"question": "is it wet", "passage": f"Sea {n} is wet.", "answer": True}
                for n in numbers
            ]
        },
        "Rowan/hellaswag": {
            "data/validation-00000-of-00001.parquet": [
                {
                    "ind": n,
                    "activity_label": "Roof removal",
                    "ctx": f"Man {n} begins. he",
                    "endings": four,
                    "source_id": f"activitynet~v_{n}",
                    "label": "3",
                }
                for n in numbers
            ]
        },
        "cais/mmlu": {
            "all/test-00000-of-00001.parquet": exam,
            "all/validation-00000-of-00001.parquet": [
                {**row, "question": f"Dev: {row['question']}"} for row in exam[:5]
            ],
        },
        "lmms-lab/ScienceQA": {"ScienceQA-FULL/test-00000-of-00001.parquet": science},
        "lmms-lab/GQA": {
            "testdev_balanced_instructions/testdev-00000-of-00001.parquet": [
                {
                    "id": f"g{n}",
                    "imageId": f"n{n // 2}",
                    "question": "Is it red?",
                    "answer": "yes",
                    "fullAnswer": "Yes, it is.",
                }
                for n in numbers
            ],
            "testdev_balanced_images/testdev-00000-of-00001.parquet": [
                {"id": f"n{n}", "image": _shot(n)} for n in range(_ITEMS // 2)
            ],
        },
        "lmms-lab/POPE": {
            "data/test-00000-of-00001.parquet": [
                {
                    "id": str(n),
                    "question_id": str(n),
                    "question": "Is there a cat in the image?",
                    "answer": "no" if n % 2 else "yes",
                    "image_source": f"COCO_val2014_{n // 2:012d}",
                    "image": _shot(n // 2),
                    "category": ("random", "popular", "adversarial")[n % 3],
                }
                for n in numbers
            ]
        },
        "lmms-lab/ai2d": {
            "data/test-00000-of-00001.parquet": [
                {"question": "Where?", "options": four, "answer": "2", "image": _shot(n)}
                for n in numbers
            ]
        },
        "lmms-lab/RealWorldQA": {
            "data/test-00000-of-00001.parquet": [
                {
                    "image": _shot(n),
                    "question": "How many lanes?\nPlease answer directly with a single word or "
                    "number."
                    if n % 2
                    else "Which is near?\n\nA. The left one\nB. The right one\n\nPlease answer "
                    "directly with only the letter of the correct option and nothing else.",
                    "answer": "3" if n % 2 else "B",
                }
                for n in numbers
            ]
        },
        "MMMU/MMMU": {
            f"{subject}/validation-00000-of-00001.parquet": [
                {
                    "id": f"validation_{subject}_{n}",
                    "question": "In <image 1>, who?",
                    "options": "['he', 'she', 'they']",
                    "answer": "B",
                    "question_type": "multiple-choice",
                    "image_1": _shot(n + start),
                    "image_2": None,
                }
                for n in range(_ITEMS // 2)
            ]
            for subject, start in (("Art", 0), ("Math", _ITEMS))
        },
    }
