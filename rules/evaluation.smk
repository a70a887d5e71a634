# One job a run answers all benchmarks with one model load; scoring is pure tables. Where the study
# does not keep all weights, they are dropped last.


rule predict:
    input:
        lambda w: mlan.inputs("predict", cell=w.cell, seed=w.seed),
    output:
        answers=expand(
            f"{root}/cells/{{{{cell}}}}/seed{{{{seed}}}}/predictions/{{file}}",
            file=mlan.predictions(),
        ),
        record=f"{root}/cells/{{cell}}/seed{{seed}}/predictions/record.json",
    log:
        f"{root}/logs/predict/{{cell}}_{{seed}}.log",
    benchmark:
        f"{root}/benchmarks/predict/{{cell}}_{{seed}}.tsv"
    threads: mlan.threads
    resources:
        gpu=mlan.gpus,
        mem_mb=lambda w: mlan.model_mb("predict", cell=w.cell),
    params:
        identity=lambda w: mlan.identity("predict", cell=w.cell, seed=w.seed),
        code=mlan.code("predict"),
        inputs=lambda w: mlan.arguments("predict", cell=w.cell, seed=w.seed),
        out=subpath(output.record, parent=True),
        state=f"{root}/state/predict/{{cell}}/seed{{seed}}",
        gpus=mlan.gpus,
    message:
        "answers of {wildcards.cell}, seed {wildcards.seed}"
    shell:
        "python -m mlan.lease -n {resources.gpu} --declared {params.gpus} -- "
        "python workflow/scripts/predict.py --identity {params.identity:q} --code {params.code} "
        "{params.inputs} --out {params.out} --state {params.state} --threads {threads} 2> {log}"


rule score:
    input:
        lambda w: mlan.inputs("score", cell=w.cell, seed=w.seed),
    output:
        table=f"{root}/cells/{{cell}}/seed{{seed}}/scores/items.parquet",
        record=f"{root}/cells/{{cell}}/seed{{seed}}/scores/record.json",
    log:
        f"{root}/logs/score/{{cell}}_{{seed}}.log",
    benchmark:
        f"{root}/benchmarks/score/{{cell}}_{{seed}}.tsv"
    resources:
        mem_mb=1000,
    params:
        identity=lambda w: mlan.identity("score", cell=w.cell, seed=w.seed),
        code=mlan.code("score"),
        inputs=lambda w: mlan.arguments("score", cell=w.cell, seed=w.seed),
        out=subpath(output.record, parent=True),
    message:
        "scores of {wildcards.cell}, seed {wildcards.seed}"
    shell:
        "python workflow/scripts/score.py --identity {params.identity:q} --code {params.code} "
        "{params.inputs} --out {params.out} 2> {log}"


rule prune:
    input:
        lambda w: mlan.inputs("prune", cell=w.cell, seed=w.seed),
    output:
        record=f"{root}/cells/{{cell}}/seed{{seed}}/kept/record.json",
    log:
        f"{root}/logs/prune/{{cell}}_{{seed}}.log",
    benchmark:
        f"{root}/benchmarks/prune/{{cell}}_{{seed}}.tsv"
    resources:
        mem_mb=1000,
    params:
        identity=lambda w: mlan.identity("prune", cell=w.cell, seed=w.seed),
        code=mlan.code("prune"),
        inputs=lambda w: mlan.arguments("prune", cell=w.cell, seed=w.seed),
        out=subpath(output.record, parent=True),
    message:
        "weights of {wildcards.cell}, seed {wildcards.seed}, as far as they are kept"
    shell:
        "python workflow/scripts/prune.py --identity {params.identity:q} --code {params.code} "
        "{params.inputs} --out {params.out} 2> {log}"
