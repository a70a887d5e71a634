"""The mix stage: write a run's plan and its accounting."""

from __future__ import annotations

import json

from mlan.mixture.accounting import account
from mlan.mixture.plan import build_plan, padding_share
from mlan.mixture.template import Template, load_tokenizer
from mlan.records import checked, read_checked, write_csv, write_parquet
from mlan.stage import Job, log


def mix(job: Job) -> None:
    """Write plan.parquet and accounting.csv; in the arm `tokens` the record says `tokens_short`.

    job.identity: mixture, tune (examples_per_step, rows, loss_unit, microbatch), template,
    seeds (draw, order). job.inputs: `backbone`, and `source:<name>` for each source used.
    """
    identity = job.identity
    mixture = identity["mixture"]
    sources = {
        name.removeprefix("source:"): read_checked(folder / "examples.parquet")
        for name, folder in job.inputs.items()
        if name.startswith("source:")
    }
    backbone = job.inputs["backbone"]
    checked(backbone / "tokenizer.json")
    config = json.loads(checked(backbone / "config.json").read_text(encoding="utf-8"))
    image_tokens = int(config["image_seq_length"])
    template = Template(identity["template"], load_tokenizer(backbone), image_tokens)
    plan = build_plan(mixture, identity["tune"], identity["seeds"], sources, template, image_tokens)
    accounting = account(plan, {name: len(frame) for name, frame in sources.items()})
    write_parquet(job.out / "plan.parquet", plan)
    write_csv(job.out / "accounting.csv", accounting)
    log.info("%d examples, padding %.1f %%", len(plan), 100 * padding_share(plan))
    tokens = int(plan["tokens"].sum())
    budget = {"tokens_short": mixture["tokens"] - tokens} if "tokens" in mixture else {}
    job.finish(
        [job.out / "plan.parquet", job.out / "accounting.csv"],
        facts={
            "examples": len(plan),
            "steps": int(plan["step"].max()) + 1,
            "tokens": tokens,
            "padding_share": round(padding_share(plan), 6),
            **budget,
        },
    )
