# Numbers over all runs, what is drawn from them, and the page that tells it. None needs a model.

# Each is shown in the engine's own report (`snakemake --report`), in one of its formats.
figures = [
    "sweep",
    "tags",
    "benchmarks",
    "published",
    "averages",
    "cliff",
    "claims",
    "recommend",
    "grid",
    "format",
    "real_vs_blind",
    "answers",
    "score_vs_tokens",
    "composition",
    "contamination",
    "forgetting",
    "loss",
    "cost",
]
tables = [
    "claims",
    "recommend",
    "scores",
    "grid",
    "signal",
    "sensitivity",
    "official",
    "tokens",
    "data",
    "recipe",
    "contamination",
    "scores_clean",
    "forgetting",
    "compute",
]


rule collect:
    input:
        mlan.inputs("collect"),
    output:
        scores=f"{root}/summary/scores.csv",
        intervals=f"{root}/summary/intervals.csv",
        contrasts=f"{root}/summary/contrasts.csv",
        signal=f"{root}/summary/signal.csv",
        ties=f"{root}/summary/ties.csv",
        losses=f"{root}/summary/losses.csv",
        answers=f"{root}/summary/answers.csv",
        scores_clean=f"{root}/summary/scores_clean.csv",
        contamination=f"{root}/summary/contamination.csv",
        forgetting=f"{root}/summary/forgetting.csv",
        flips=f"{root}/summary/flips.parquet",
        blocks=f"{root}/summary/blocks.csv",
        sums=f"{root}/summary/sums.parquet",
        tokens=f"{root}/summary/tokens.csv",
        benchmarks=f"{root}/summary/benchmarks.csv",
        cells=f"{root}/summary/cells.csv",
        record=f"{root}/summary/record.json",
    log:
        f"{root}/logs/collect.log",
    benchmark:
        f"{root}/benchmarks/collect.tsv"
    resources:
        mem_mb=1000,
    params:
        identity=mlan.identity("collect"),
        code=mlan.code("collect"),
        inputs=mlan.arguments("collect"),
        out=subpath(output.record, parent=True),
    message:
        "intervals and tables over all runs"
    shell:
        "python workflow/scripts/collect.py --identity {params.identity:q} --code {params.code} "
        "{params.inputs} --out {params.out} 2> {log}"


rule claims:
    input:
        mlan.inputs("claims"),
    output:
        claims=f"{root}/evidence/claims.csv",
        recommend=f"{root}/evidence/recommend.csv",
        power=f"{root}/evidence/power.csv",
        sensitivity=f"{root}/evidence/sensitivity.csv",
        record=f"{root}/evidence/record.json",
    log:
        f"{root}/logs/claims.log",
    benchmark:
        f"{root}/benchmarks/claims.tsv"
    resources:
        mem_mb=1000,
    params:
        identity=mlan.identity("claims"),
        code=mlan.code("claims"),
        inputs=mlan.arguments("claims"),
        out=subpath(output.record, parent=True),
    message:
        "verdicts on the claims of the study, and its answer"
    shell:
        "python workflow/scripts/claims.py --identity {params.identity:q} --code {params.code} "
        "{params.inputs} --out {params.out} 2> {log}"


rule draw:
    input:
        mlan.inputs("draw"),
    output:
        figures=[
            report(
                f"{root}/report/figures/{name}.svg",
                category="Figures",
                labels=mlan.label("figure", name),
                caption="../workflow/report/figure.rst",
            )
            for name in figures
        ],
        figures_else=expand(
            f"{root}/report/figures/{{name}}.{{kind}}",
            name=figures,
            kind=["pdf", "png", "csv"],
        ),
        tables=[
            report(
                f"{root}/report/tables/{name}.csv",
                category="Tables",
                labels=mlan.label("table", name),
                caption="../workflow/report/table.rst",
            )
            for name in tables
        ],
        tables_else=expand(
            f"{root}/report/tables/{{name}}.{{kind}}",
            name=tables,
            kind=["md", "tex"],
        ),
        exchange=expand(
            f"{root}/report/exchange/{{name}}.csv",
            name=["ratios", "ratios_tokens", "metrics"],
        ),
        record=f"{root}/report/record.json",
    log:
        f"{root}/logs/draw.log",
    benchmark:
        f"{root}/benchmarks/draw.tsv"
    resources:
        mem_mb=1000,
    params:
        identity=mlan.identity("draw"),
        code=mlan.code("draw"),
        inputs=mlan.arguments("draw"),
        out=subpath(output.record, parent=True),
    message:
        "figures and tables"
    shell:
        "python workflow/scripts/draw.py --identity {params.identity:q} --code {params.code} "
        "{params.inputs} --out {params.out} 2> {log}"


rule page:
    input:
        mlan.inputs("page"),
    output:
        page=report(
            f"{root}/report.html",
            category="Page",
            labels={"page": "report", "shows": "The whole study on one page"},
        ),
        record=f"{root}/page/record.json",
    log:
        f"{root}/logs/page.log",
    benchmark:
        f"{root}/benchmarks/page.tsv"
    resources:
        mem_mb=1000,
    params:
        identity=mlan.identity("page"),
        code=mlan.code("page"),
        inputs=mlan.arguments("page"),
        out=subpath(output.record, parent=True),
    message:
        "report.html and cards"
    shell:
        "python workflow/scripts/page.py --identity {params.identity:q} --code {params.code} "
        "{params.inputs} --out {params.out} 2> {log}"
