import numpy as np
import pyarrow as pa
import pytest

from algorithms.bulk.columns import table_of_arrow
from algorithms.bulk.encoding import encode_block
from algorithms.errors import DataError
from algorithms.scorer import Scorer


@pytest.fixture(scope="module")
def encoder(artifact):
    return Scorer.load(artifact).encoder


def in_chunks(table):
    return pa.concat_tables([table.slice(0, 200), table.slice(200)])


def as_dictionaries(table):
    names = [name for name in table.column_names if pa.types.is_string(table.schema.field(name).type)]
    for name in names:
        table = table.set_column(table.column_names.index(name), name, table[name].dictionary_encode())
    return table


@pytest.mark.parametrize(
    "change",
    [lambda table: table, in_chunks, as_dictionaries, lambda table: in_chunks(as_dictionaries(table))],
    ids=["plain", "in chunks", "dictionaries", "dictionaries in chunks"],
)
def test_the_features_are_those_of_the_table(frame, encoder, change):
    table = pa.Table.from_pandas(frame)
    encoded, expected = encode_block(change(table), encoder), table_of_arrow(table, encoder)
    features = encoder.transform(expected)
    assert np.array_equal(encoded.features.numbers, features.numbers)
    assert np.array_equal(encoded.features.slots, features.slots)
    for name, values in encoded.columns.items():
        assert np.array_equal(values[values == values], expected.columns[name][expected.columns[name] == values])


def test_parts_of_a_block_are_encoded_as_such(frame, encoder):
    table = as_dictionaries(pa.Table.from_pandas(frame))
    part, whole = encode_block(table.slice(300), encoder), encode_block(table, encoder)
    assert np.array_equal(part.features.slots, whole.features.slots[300:])


def test_rows_with_unseen_and_with_missing_values_are_counted(frame, encoder):
    changed = frame.assign(
        state=[None, "melting", "melting", *["idle"] * 597],
        shift=[np.nan, 9.0, *[1.0] * 598],
        heat=[np.nan] * 7 + [20.0] * 593,
    )
    encoded = encode_block(pa.Table.from_pandas(changed), encoder)
    assert encoded.unseen == {"state": 2, "shift": 1}
    assert encoded.missing == {"state": 1, "shift": 1, "heat": 7}


def test_a_cell_that_does_not_fit_is_named_with_its_row_in_the_file(frame, encoder):
    changed = frame.assign(shift=[*frame["shift"][:42], np.inf, *frame["shift"][43:]])
    with pytest.raises(DataError, match="column shift: row 1,043 is infinite"):
        encode_block(pa.Table.from_pandas(changed), encoder, first_row=1000)
