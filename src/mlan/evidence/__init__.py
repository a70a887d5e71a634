"""What the outcomes of all runs support: intervals, contrasts, and the tables behind figures.

`intervals` holds the statistics, `groups` says which benchmarks are averaged together,
`collect` applies both to every finished run. No torch.
"""
