"""What training sources and benchmarks share: pictures and wording, exact and near.

`prints` reduces a picture to what survives another file of it, `pictures` finds equal ones,
`wording` indexes the questions of benchmarks, `search` streams a source past them. The stage is
`mlan.data.prepare.overlap`. Not here: what a match does to a score (`mlan.evidence.clean`).
"""
