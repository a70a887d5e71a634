# The plan of every run: which examples, in which order, with which loss weight.


rule mix:
    input:
        lambda w: mlan.inputs("mix", cell=w.cell, seed=w.seed),
    output:
        plan=f"{root}/cells/{{cell}}/seed{{seed}}/mixture/plan.parquet",
        accounting=f"{root}/cells/{{cell}}/seed{{seed}}/mixture/accounting.csv",
        record=f"{root}/cells/{{cell}}/seed{{seed}}/mixture/record.json",
    log:
        f"{root}/logs/mix/{{cell}}_{{seed}}.log",
    benchmark:
        f"{root}/benchmarks/mix/{{cell}}_{{seed}}.tsv"
    resources:
        mem_mb=1000,
    params:
        identity=lambda w: mlan.identity("mix", cell=w.cell, seed=w.seed),
        code=mlan.code("mix"),
        inputs=lambda w: mlan.arguments("mix", cell=w.cell, seed=w.seed),
        out=subpath(output.record, parent=True),
    message:
        "mixture of {wildcards.cell}, seed {wildcards.seed}"
    shell:
        "python workflow/scripts/mix.py --identity {params.identity:q} --code {params.code} "
        "{params.inputs} --out {params.out} 2> {log}"
