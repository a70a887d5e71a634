"""Every rule by name: `strict` and `lenient`, which are ours, and the official ones."""

from __future__ import annotations

from mlan.score.answers import lenient, strict
from mlan.score.parsers.choices import letter, mmbench, scienceqa, seedbench
from mlan.score.parsers.final_answers import bbh, bbh_flexible
from mlan.score.parsers.mmmu_answers import mmmu
from mlan.score.parsers.paper import mlan, mlan_text
from mlan.score.parsers.short_answers import exact, gqa, realworldqa
from mlan.score.parsers.squad import squad_em, squad_f1
from mlan.score.parsers.vqa_accuracy import aokvqa_direct, m4c, vqa
from mlan.score.parsers.yes_no import mme, pope
from mlan.score.rule import Parser

PARSERS: dict[str, Parser] = {
    "strict": strict,
    "lenient": lenient,
    "letter": letter,
    "exact": exact,
    "aokvqa_direct": aokvqa_direct,
    "bbh": bbh,
    "bbh_flexible": bbh_flexible,
    "gqa": gqa,
    "m4c": m4c,
    "mlan": mlan,
    "mlan_text": mlan_text,
    "mmbench": mmbench,
    "mme": mme,
    "mmmu": mmmu,
    "pope": pope,
    "realworldqa": realworldqa,
    "scienceqa": scienceqa,
    "seedbench": seedbench,
    "squad_em": squad_em,
    "squad_f1": squad_f1,
    "vqa": vqa,
}
