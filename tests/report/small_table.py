"""A table of two rows with every sign that one of the formats must escape."""

from mlan.report.tables import Table

SMALL = Table(
    caption="A & B",
    header=("name", "n", "5 %"),
    rows=(("a_b †", "123456", "41 ± 3"), ("x|y", "80", "–")),
    note="n: 100 %.",
    words=1,
    blocks=(1,),
)
