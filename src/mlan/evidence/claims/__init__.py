"""Verdicts on the claims of a study: supported, contradicted, undecided, or not run.

Model: a claim is a sum of scores or several of them (`terms`), its rule turns their samples into
p values of the claim and of its opposite (`rules`), and the families adjust these (`verdicts`).
`stage` writes the table. Not here: what a claim says and compares (`mlan.grid.claims`).
"""
