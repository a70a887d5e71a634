# Files from a hub, concepts, pictures, instruction sources, benchmarks, what they share, and
# backbones.


rule prepare_concepts:
    input:
        mlan.inputs("prepare_concepts"),
    output:
        concepts=f"{root}/data/concepts/concepts.parquet",
        record=f"{root}/data/concepts/record.json",
    log:
        f"{root}/logs/prepare_concepts.log",
    benchmark:
        f"{root}/benchmarks/prepare_concepts.tsv"
    resources:
        mem_mb=1000,
    params:
        identity=mlan.identity("prepare_concepts"),
        code=mlan.code("prepare_concepts"),
        inputs=mlan.arguments("prepare_concepts"),
        out=subpath(output.record, parent=True),
    message:
        "concept tables and their split"
    shell:
        "python workflow/scripts/prepare_concepts.py --identity {params.identity:q} --code {params.code} "
        "{params.inputs} --out {params.out} 2> {log}"


rule fetch:
    output:
        record=f"{root}/data/hub/{{name}}/record.json",
    log:
        f"{root}/logs/fetch/{{name}}.log",
    benchmark:
        f"{root}/benchmarks/fetch/{{name}}.tsv"
    resources:
        mem_mb=1000,
    params:
        identity=lambda w: mlan.identity("fetch", source=w.name),
        code=mlan.code("fetch"),
        out=subpath(output.record, parent=True),
    message:
        "files of {wildcards.name} from a hub"
    shell:
        "python workflow/scripts/fetch.py --identity {params.identity:q} --code {params.code} "
        "--out {params.out} 2> {log}"


rule fetch_model:
    output:
        record=f"{root}/models/{{name}}/record.json",
    log:
        f"{root}/logs/fetch_model/{{name}}.log",
    benchmark:
        f"{root}/benchmarks/fetch_model/{{name}}.tsv"
    resources:
        mem_mb=1000,
    params:
        identity=lambda w: mlan.identity("fetch_model", model=w.name),
        code=mlan.code("fetch_model"),
        out=subpath(output.record, parent=True),
    message:
        "model {wildcards.name} from a hub"
    shell:
        "python workflow/scripts/fetch_model.py --identity {params.identity:q} --code {params.code} "
        "--out {params.out} 2> {log}"


rule prepare_images:
    input:
        lambda w: mlan.inputs("prepare_images", set=w.name),
    output:
        images=f"{root}/data/images/{{name}}/images.npy",
        index=f"{root}/data/images/{{name}}/index.parquet",
        record=f"{root}/data/images/{{name}}/record.json",
    log:
        f"{root}/logs/prepare_images/{{name}}.log",
    benchmark:
        f"{root}/benchmarks/prepare_images/{{name}}.tsv"
    resources:
        mem_mb=lambda w: 2000 + mlan.reading_mb(w.name),
    params:
        identity=lambda w: mlan.identity("prepare_images", set=w.name),
        code=mlan.code("prepare_images"),
        inputs=lambda w: mlan.arguments("prepare_images", set=w.name),
        out=subpath(output.record, parent=True),
    message:
        "image set {wildcards.name}"
    shell:
        "python workflow/scripts/prepare_images.py --identity {params.identity:q} --code {params.code} "
        "{params.inputs} --out {params.out} 2> {log}"


rule prepare_source:
    input:
        lambda w: mlan.inputs("prepare_source", source=w.name),
    output:
        examples=f"{root}/data/sources/{{name}}/examples.parquet",
        record=f"{root}/data/sources/{{name}}/record.json",
    log:
        f"{root}/logs/prepare_source/{{name}}.log",
    benchmark:
        f"{root}/benchmarks/prepare_source/{{name}}.tsv"
    resources:
        mem_mb=lambda w: 1000 + mlan.reading_mb(w.name),
    params:
        identity=lambda w: mlan.identity("prepare_source", source=w.name),
        code=mlan.code("prepare_source"),
        inputs=lambda w: mlan.arguments("prepare_source", source=w.name),
        out=subpath(output.record, parent=True),
    message:
        "source {wildcards.name}"
    shell:
        "python workflow/scripts/prepare_source.py --identity {params.identity:q} --code {params.code} "
        "{params.inputs} --out {params.out} 2> {log}"


rule prepare_benchmark:
    input:
        lambda w: mlan.inputs("prepare_benchmark", benchmark=w.name),
    output:
        table=f"{root}/data/benchmarks/{{name}}/items.parquet",
        record=f"{root}/data/benchmarks/{{name}}/record.json",
    log:
        f"{root}/logs/prepare_benchmark/{{name}}.log",
    benchmark:
        f"{root}/benchmarks/prepare_benchmark/{{name}}.tsv"
    resources:
        mem_mb=lambda w: 1000 + mlan.reading_mb(w.name),
    params:
        identity=lambda w: mlan.identity("prepare_benchmark", benchmark=w.name),
        code=mlan.code("prepare_benchmark"),
        inputs=lambda w: mlan.arguments("prepare_benchmark", benchmark=w.name),
        out=subpath(output.record, parent=True),
    message:
        "benchmark {wildcards.name}"
    shell:
        "python workflow/scripts/prepare_benchmark.py --identity {params.identity:q} --code {params.code} "
        "{params.inputs} --out {params.out} 2> {log}"


rule overlap:
    input:
        mlan.inputs("overlap"),
    output:
        matches=f"{root}/data/contamination/items.parquet",
        pairs=f"{root}/data/contamination/pairs.csv",
        record=f"{root}/data/contamination/record.json",
    log:
        f"{root}/logs/overlap.log",
    benchmark:
        f"{root}/benchmarks/overlap.tsv"
    resources:
        mem_mb=4000,
    params:
        identity=mlan.identity("overlap"),
        code=mlan.code("overlap"),
        inputs=mlan.arguments("overlap"),
        out=subpath(output.record, parent=True),
    message:
        "what sources and benchmarks share"
    shell:
        "python workflow/scripts/overlap.py --identity {params.identity:q} --code {params.code} "
        "{params.inputs} --out {params.out} 2> {log}"


rule prepare_backbone:
    input:
        lambda w: mlan.inputs("prepare_backbone", backbone=w.name),
    output:
        config=f"{root}/backbone/{{name}}/config.json",
        tokenizer=f"{root}/backbone/{{name}}/tokenizer.json",
        record=f"{root}/backbone/{{name}}/record.json",
    log:
        f"{root}/logs/prepare_backbone/{{name}}.log",
    benchmark:
        f"{root}/benchmarks/prepare_backbone/{{name}}.tsv"
    resources:
        mem_mb=4000,
    params:
        identity=lambda w: mlan.identity("prepare_backbone", backbone=w.name),
        code=mlan.code("prepare_backbone"),
        inputs=lambda w: mlan.arguments("prepare_backbone", backbone=w.name),
        out=subpath(output.record, parent=True),
    message:
        "backbone {wildcards.name}"
    shell:
        "python workflow/scripts/prepare_backbone.py --identity {params.identity:q} --code {params.code} "
        "{params.inputs} --out {params.out} 2> {log}"
