"""mlan: how much of multimodal instruction data should be images?

A Snakemake workflow chains data preparation, stage-1 alignment, instruction tuning on
text/vision mixtures, evaluation, statistics and figures; this package holds its logic.
`import mlan` loads no torch; `import mlan.model` registers the embedded vision towers.
"""

__version__ = "0.1.0"
