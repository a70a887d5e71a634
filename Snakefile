# The whole grid of a study: data -> mixtures -> stage 1 -> stage 2 -> predictions -> scores
# -> statistics -> figures. `snakemake --cores all` runs config/small.yaml;
# `--config study=NAME seeds=first experiments=A,B partial=true` selects (see config/README.md).
import os
import sys

from snakemake.utils import min_version

from mlan.workflow import open_workflow

min_version("9.25")


report: "workflow/report/study.rst"


# Scripts run in the environment that runs the engine, activated or not.
shell.prefix(f"export PATH={os.path.dirname(sys.executable)!r}:$PATH; ")

mlan = open_workflow(config)
root = mlan.root


onstart:
    mlan.start()


wildcard_constraints:
    name=r"[a-z0-9][a-z0-9_-]*",
    stack=r"[a-z0-9][a-z0-9_.-]*",
    cell=r"[a-z0-9][a-z0-9_.-]*",
    seed=r"\d+",


include: "rules/data.smk"
include: "rules/mixture.smk"
include: "rules/training.smk"
include: "rules/evaluation.smk"
include: "rules/report.smk"


# Every record is asked for by name: the engine does not miss an intermediate file by itself, and
# would take an old report for the answer after a job that had to run anew has failed.
rule all:
    default_target: True
    input:
        mlan.all_records(),
        rules.draw.output,
        rules.page.output,


rule prepare:
    input:
        mlan.prepared(),


rule plans:
    input:
        mlan.records("mixture"),


rule train:
    input:
        mlan.records("weights"),


rule scores:
    input:
        mlan.records("scores"),
