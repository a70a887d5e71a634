import pandas as pd
import pytest

from mlan.data.tables import Column, Table, conform
from mlan.errors import DataError

TABLE: Table = {
    "id": Column(unique=True),
    "kind": Column(values=("a", "b")),
    "size": Column("count", empty=True),
    "options": Column("list"),
}
GOOD = {"id": ["x", "y"], "kind": ["a", "b"], "size": [3, None], "options": [["p"], ["q"]]}


def test_columns_come_out_in_order_with_fixed_types() -> None:
    shuffled = {name: GOOD[name] for name in ("options", "size", "kind", "id")}
    frame = conform(pd.DataFrame({**shuffled, "more": 1}, index=[7, 8]), TABLE, "things")
    assert list(frame.columns) == list(TABLE)
    assert list(frame.index) == [0, 1]
    assert str(frame["size"].dtype) == "Int64"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": ["x", "x"]}, "column 'id': row 1 is 'x' once more; values are unique"),
        ({"id": ["x", None]}, "column 'id': row 1 is empty; every row needs a value"),
        ({"id": ["x", 5]}, "column 'id': row 1 is 5; allowed: text"),
        ({"kind": ["a", "c"]}, "column 'kind': row 1 is 'c'; allowed: a, b"),
        ({"size": [-1, 2]}, "column 'size': row 0 is -1; allowed: whole numbers from 0"),
        ({"size": [1.5, 2]}, "column 'size': row 0 is 1.5; allowed: whole numbers from 0"),
        (
            {"options": [["p"], []]},
            "column 'options': row 1 is []; allowed: lists that are not empty",
        ),
    ],
)
def test_first_bad_value_is_named(changes: dict[str, list[object]], message: str) -> None:
    with pytest.raises(DataError) as error:
        conform(pd.DataFrame(GOOD | changes), TABLE, "things")
    assert error.value.lines == (f"table 'things', {message}",)


def test_missing_column_is_named() -> None:
    with pytest.raises(DataError) as error:
        conform(pd.DataFrame({"id": ["x"]}), TABLE, "things")
    assert error.value.lines == ("table 'things': column 'kind' is missing",)
