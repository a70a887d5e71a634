"""Figures and tables: pure functions of the summary folder, same input, same bytes.

`summary` reads, `style` decides how everything looks and writes files, `curve` draws one panel of
score against share, `sweep`, `controls` and `tokens` compose figures, `tables` composes tables,
`draw` is the stage. Nothing here computes an estimate: intervals come from `mlan.evidence`.
"""
