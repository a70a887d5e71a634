"""Which rule and which metrics are a benchmark's own, with their sources.

One entry for every public benchmark that a study can read (`mlan.config.benchmarks`), and for
others whose answers can be scored: SQuAD, OK-VQA, A-OKVQA, SEED-Bench, SciQ, WinoGrande, BBH.
Not here: what a rule reads (`mlan.score.parsers`) and what a metric computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class Rule:
    """How the answers to a benchmark are scored.

    `official` is a parser (`PARSERS`) whose credits the `metrics` take, the headline one first.
    `further` are other parsers that published numbers rest on, each with its metrics. `free`
    benchmarks of choices also hold items without options, whose answers are free.
    """

    name: str
    form: str
    official: str
    metrics: tuple[str, ...]
    source: str
    note: str = ""
    further: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    free: bool = False


_HARNESS = "github.com/EleutherAI/lm-evaluation-harness, lm_eval/tasks/"
_LMMS = "github.com/EvolvingLMMs-Lab/lmms-eval, lmms_eval/tasks/"
_LLAVA = "github.com/haotian-liu/LLaVA, "
_VQA = "github.com/GT-Vision-Lab/VQA, PythonEvaluationTools/vqaEvaluation/vqaEval.py"
_AOKVQA = "github.com/allenai/aokvqa, evaluation/eval_predictions.py"
_CHOICE = ("accuracy", "chance_corrected")
_YES_NO = ("accuracy", "balanced_accuracy", "f1_yes", "yes_rate", "gold_yes_rate")
_TEN = "Credits need the answers of ten people, repeats kept, as golds."
_NO_RULE = (
    "Its authors score likelihoods or a classifier; there is no official rule for a generated "
    "answer, and this one is what harnesses do."
)


# The benchmarks of the MLAN paper's first versions, which it scores by its own rules.
_PAPER_TEXT = {"mlan_text": ("accuracy",)}
_PAPER = {"mlan": ("accuracy",)}


def _lettered(
    name: str,
    source: str,
    note: str = _NO_RULE,
    further: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> Rule:
    return Rule(name, "letter", "letter", _CHOICE, source, note, further)


_RULES = (
    _lettered("race", _HARNESS + "race", further=_PAPER_TEXT),
    _lettered("openbookqa", _HARNESS + "openbookqa", further=_PAPER_TEXT),
    _lettered("hellaswag", _HARNESS + "hellaswag", further=_PAPER_TEXT),
    _lettered("arc", _HARNESS + "arc"),
    _lettered("commonsenseqa", _HARNESS + "commonsense_qa"),
    _lettered("cosmosqa", "arXiv 1909.00277"),
    _lettered("winogrande", _HARNESS + "winogrande"),
    _lettered(
        "sciq",
        _HARNESS + "sciq",
        f"{_NO_RULE} Its data puts the right option last; shuffle them before asking for a letter.",
    ),
    _lettered(
        "ai2d",
        _LMMS + "ai2d",
        "Two versions of the pictures exist, with and without boxes over the labels; say which.",
        _PAPER,
    ),
    _lettered(
        "aokvqa",
        _AOKVQA,
        "The official scorer compares the text of the option that a letter names.",
    ),
    Rule(
        "mmlu",
        "letter",
        "letter",
        ("accuracy", "macro_accuracy", "chance_corrected"),
        _HARNESS + "mmlu/generative",
        f"{_NO_RULE} Over all questions, or the mean over subjects (`category`): say which.",
    ),
    Rule("boolq", "yes_no", "exact", _YES_NO, "arXiv 1905.10044", _NO_RULE, _PAPER),
    Rule("strategyqa", "yes_no", "exact", _YES_NO, "arXiv 2101.02235", _NO_RULE),
    Rule(
        "scienceqa_text",
        "letter",
        "scienceqa",
        _CHOICE,
        _LLAVA + "llava/eval/eval_science_qa.py",
        "The published total is over questions with and without a picture.",
        _PAPER,
    ),
    Rule(
        "scienceqa_image",
        "letter",
        "scienceqa",
        _CHOICE,
        _LLAVA + "llava/eval/eval_science_qa.py",
        "LLaVA's number on questions with a picture.",
        _PAPER,
    ),
    Rule(
        "seedbench",
        "letter",
        "seedbench",
        _CHOICE,
        _LMMS + "seedbench",
        f"{_NO_RULE} The usual number is of the questions about pictures, without the videos.",
    ),
    Rule(
        "mmbench",
        "letter",
        "mmbench",
        ("circular_accuracy", "accuracy"),
        "github.com/open-compass/VLMEvalKit, vlmeval/utils/matching_util.py and "
        "vlmeval/dataset/utils/multiple_choice.py",
        "A question (`pair`) counts if it is right under every rotation of its options. No judge "
        "model: where one would be asked, the answer is wrong.",
    ),
    Rule(
        "mmmu",
        "letter",
        "mmmu",
        ("accuracy", "macro_accuracy"),
        "github.com/MMMU-Benchmark/MMMU, mmmu/utils/eval_utils.py",
        "Also open questions. An unreadable choice is wrong; the official code draws an option.",
        free=True,
    ),
    Rule(
        "pope",
        "yes_no",
        "pope",
        ("f1_yes_mean", *_YES_NO, "precision_yes", "recall_yes"),
        _LLAVA + "llava/eval/eval_pope.py",
        "F1 of yes, mean over the splits (`category`). Whatever does not deny counts as yes, so "
        "that nothing is invalid: read the yes-rate beside it.",
        {"mlan": ("f1_yes", "accuracy", "yes_rate")},
    ),
    Rule(
        "mme",
        "yes_no",
        "mme",
        ("perception", "cognition", "accuracy", "accuracy_plus"),
        "github.com/BradyFU/Awesome-Multimodal-Large-Language-Models, tools/eval_tool.zip "
        "(calculation.py)",
        "Points: accuracy and accuracy of whole pictures (`pair`) in percent, summed over "
        "subtasks (`category`); at most 2000 and 800.",
    ),
    Rule(
        "gqa",
        "brief",
        "gqa",
        ("accuracy",),
        f"{_LLAVA}scripts/convert_gqa_for_eval.py, and GQA's eval.py (gqadataset.org)",
        "Only full stops at the end are ignored; `exact` ignores all punctuation.",
        {"exact": ("accuracy",), **_PAPER},
    ),
    Rule(
        "realworldqa",
        "letter",
        "realworldqa",
        ("accuracy",),
        _LMMS + "realworldqa",
        "Its publisher released no scorer. Also free answers.",
        _PAPER,
        free=True,
    ),
    Rule(
        "vqav2",
        "brief",
        "vqa",
        ("accuracy",),
        _VQA,
        f"{_TEN} Nothing is normalised where all ten agree.",
        {"m4c": ("accuracy",)},
    ),
    Rule(
        "okvqa",
        "brief",
        "vqa",
        ("accuracy",),
        _VQA,
        f"{_TEN} Five people's answers stand twice; those of release 1.1 are stems, which an "
        "answer must be as well to match.",
        {"m4c": ("accuracy",)},
    ),
    Rule(
        "textvqa",
        "brief",
        "m4c",
        ("accuracy",),
        f"{_LLAVA}llava/eval/m4c_evaluator.py and eval_textvqa.py",
        f"{_TEN} Always normalised.",
        {"vqa": ("accuracy",)},
    ),
    Rule(
        "aokvqa_direct",
        "brief",
        "aokvqa_direct",
        ("accuracy",),
        _AOKVQA,
        f"{_TEN} Nothing is normalised. Leave out questions marked difficult_direct_answer.",
        {"m4c": ("accuracy",)},
    ),
    Rule(
        "squad",
        "brief",
        "squad_em",
        ("exact_match",),
        "github.com/rajpurkar/SQuAD-explorer, evaluate-v1.1.py",
        "The best over the golds, for exact match and for F1 each.",
        {"squad_f1": ("token_f1",)},
    ),
    Rule(
        "bbh",
        "letter",
        "bbh",
        ("accuracy", "macro_accuracy"),
        _HARNESS + "bbh/cot_fewshot",
        "Also yes or no and free answers; published is the mean over tasks (`category`). The last "
        "character of the line is dropped: a right answer without a full stop is wrong.",
        {"bbh_flexible": ("accuracy", "macro_accuracy")},
        free=True,
    ),
)
RULES: dict[str, Rule] = {rule.name: rule for rule in _RULES}
