# Stage 1 once per stack, stage 2 once per run. Checkpoints lie in the state folder, which the
# engine does not know: a killed job goes on from there.


rule align:
    input:
        lambda w: mlan.inputs("align", stack=w.stack),
    output:
        projector=f"{root}/align/{{stack}}/projector.safetensors",
        naming=f"{root}/align/{{stack}}/naming.csv",
        record=f"{root}/align/{{stack}}/record.json",
    log:
        f"{root}/logs/align/{{stack}}.log",
    benchmark:
        f"{root}/benchmarks/align/{{stack}}.tsv"
    threads: mlan.threads
    resources:
        gpu=mlan.gpus,
        mem_mb=lambda w: mlan.model_mb("align", stack=w.stack),
    params:
        identity=lambda w: mlan.identity("align", stack=w.stack),
        code=mlan.code("align"),
        inputs=lambda w: mlan.arguments("align", stack=w.stack),
        out=subpath(output.record, parent=True),
        state=f"{root}/state/align/{{stack}}",
        gpus=mlan.gpus,
    message:
        "stage 1 of {wildcards.stack}"
    shell:
        "python -m mlan.lease -n {resources.gpu} --declared {params.gpus} -- "
        "python workflow/scripts/align.py --identity {params.identity:q} --code {params.code} "
        "{params.inputs} --out {params.out} --state {params.state} --threads {threads} 2> {log}"


rule tune:
    input:
        lambda w: mlan.inputs("tune", cell=w.cell, seed=w.seed),
    output:
        losses=f"{root}/cells/{{cell}}/seed{{seed}}/weights/losses.csv",
        record=f"{root}/cells/{{cell}}/seed{{seed}}/weights/record.json",
    log:
        f"{root}/logs/tune/{{cell}}_{{seed}}.log",
    benchmark:
        f"{root}/benchmarks/tune/{{cell}}_{{seed}}.tsv"
    threads: mlan.threads
    resources:
        gpu=mlan.gpus,
        mem_mb=lambda w: mlan.model_mb("tune", cell=w.cell),
    params:
        identity=lambda w: mlan.identity("tune", cell=w.cell, seed=w.seed),
        code=mlan.code("tune"),
        inputs=lambda w: mlan.arguments("tune", cell=w.cell, seed=w.seed),
        out=subpath(output.record, parent=True),
        state=f"{root}/state/tune/{{cell}}/seed{{seed}}",
        gpus=mlan.gpus,
    message:
        "stage 2 of {wildcards.cell}, seed {wildcards.seed}"
    shell:
        "python -m mlan.lease -n {resources.gpu} --declared {params.gpus} -- "
        "python workflow/scripts/tune.py --identity {params.identity:q} --code {params.code} "
        "{params.inputs} --out {params.out} --state {params.state} --threads {threads} 2> {log}"
