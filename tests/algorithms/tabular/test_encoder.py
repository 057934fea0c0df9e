import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms.errors import ArtifactIncompatible, DataError
from algorithms.tables.source import TableFiles
from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.features import Layout
from algorithms.tabular.params import TabularFeederParams
from algorithms.tabular.table import Table
from tests.algorithms.tabular.encoding import dense, dense_rows


def table_of(**columns):
    arrays = {}
    for name, values in columns.items():
        if any(isinstance(value, str) for value in values):
            is_date = all(value is None or (value[:4].isdigit() and "-" in value) for value in values)
            arrays[name] = np.array(values, dtype="datetime64[us]" if is_date else object)
        else:
            arrays[name] = np.array(values, dtype=np.float64)
    return Table(arrays, len(next(iter(arrays.values()))))


def fit(table, scaling="standard", rows=None, **feeder):
    return TabularEncoder.fit(table, TabularFeederParams(**feeder), scaling=scaling, rows=rows)


@pytest.fixture
def mixed():
    return table_of(
        n=[1, 2, None, 4],
        code=[1, 1, 2, 3],
        t=["b", "a", "b", None],
        d=["2017-01-30T00:00", "2017-01-31T06:00", None, "2017-02-02T12:00"],
        label=["no", "no", "no", "yes"],
    )


class TestColumns:
    def test_all_but_the_label_and_the_excluded_are_used_by_default(self, mixed):
        encoder = fit(mixed, label_column="label", exclude_column=["d"])
        assert list(encoder.slices) == ["n", "code", "t"]

    def test_named_columns_are_used_in_their_order(self, mixed):
        encoder = fit(mixed, encode_column=["t", "n"])
        assert encoder.slices == {"t": slice(1, 5), "n": slice(0, 1)}
        assert encoder.layout.width == 5

    @pytest.mark.parametrize("parameter", ["encode_column", "exclude_column", "label_column", "categorical_column"])
    def test_an_unknown_name_is_refused_with_the_names_there_are(self, mixed, parameter):
        value = "X" if parameter == "label_column" else ["X", "n"]
        with pytest.raises(DataError) as failure:
            fit(mixed, **{parameter: value})
        assert failure.value.errors == {parameter: ["no such column: X; the data have: n, code, t, d, label"]}

    def test_a_date_cannot_be_a_category(self, mixed):
        with pytest.raises(DataError, match="d holds dates"):
            fit(mixed, categorical_column=["d"])

    def test_constant_and_empty_columns_are_left_out_and_named(self):
        encoder = fit(table_of(a=[1, 2], one=[5, 5], same=["x", "x"], day=["2017-01-31"] * 2, nothing=[None, None]))
        assert list(encoder.slices) == ["a"]
        assert encoder.notices == (
            "columns left out: no value in any row of nothing; the same value in every row of one, same, day",
        )

    def test_a_long_list_of_columns_is_shortened_in_a_notice(self):
        encoder = fit(table_of(a=[1, 2], **{f"c{i}": [0, 0] for i in range(50)}))
        assert encoder.notices[0].endswith("c18, c19 and 30 more")

    @pytest.mark.parametrize(
        "table", [table_of(a=[1, 1], b=["x", "x"]), table_of(a=[None, None]), Table({"a": np.zeros(0)}, 0)]
    )
    def test_it_refuses_data_with_nothing_to_learn_from(self, table):
        with pytest.raises(DataError):
            fit(table)

    def test_it_refuses_a_single_row_and_says_so(self):
        with pytest.raises(DataError, match=r"every row of a, b \(there is only one row to learn from\)"):
            fit(table_of(a=[1], b=["x"]))

    def test_columns_without_any_value_are_named_when_there_are_no_others(self):
        with pytest.raises(DataError, match="nothing to learn from: no value in any row of a, b"):
            fit(table_of(a=[None, None], b=[None, None]))

    def test_it_refuses_to_encode_the_label_alone(self):
        with pytest.raises(DataError, match="no column is left"):
            fit(table_of(a=[0, 1]), label_column="a")


class TestNumbers:
    @pytest.mark.parametrize(("missing", "fill"), [("median", 2), ("mean", 11 / 3), ("zero", 0)])
    def test_missing_cells_are_filled_before_scaling(self, missing, fill):
        column = [1, 2, None, 8]
        filled = np.array([1, 2, fill, 8])
        features = dense(fit(table_of(a=column), missing=missing), table_of(a=column))[:, 0]
        np.testing.assert_allclose(features, (filled - filled.mean()) / filled.std(), rtol=1e-6)

    def test_a_notice_says_how_much_was_filled(self):
        assert fit(table_of(a=[1, 2, None, 8])).notices == ("missing values were filled in (median): a (25 %)",)

    def test_enormous_numbers_stay_finite(self):
        column = [-1.7e308, 1e300, 1.7e308, 0]
        for scaling in ("asinh", "standard", "minmax", "none"):
            encoder = fit(table_of(a=column), scaling=scaling, missing="mean")
            features = dense(encoder, table_of(a=[*column, None]))
            assert np.isfinite(features).all(), scaling

    def test_they_come_back_in_their_unit(self):
        column = np.array([1.5, -20, 300])
        encoder = fit(Table({"a": column}, 3), scaling="asinh")
        decoded = [row["a"] for row in encoder.decode(dense(encoder, Table({"a": column}, 3)))]
        np.testing.assert_allclose(decoded, column, rtol=1e-5)


class TestCategories:
    TEXT = ["b"] * 3 + ["a"] * 3 + ["c", None, None, "d"]

    def test_the_most_frequent_values_have_a_slot_and_ties_are_broken_by_value(self):
        encoder = fit(table_of(t=self.TEXT), vocab_size=3)
        features = dense(encoder, table_of(t=["a", "b", None, "c", "zzz"]))
        assert features.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1]]
        assert encoder.layout == Layout(numbers=0, blocks=(4,))

    def test_the_largest_slot_is_the_category(self):
        encoder = fit(table_of(t=self.TEXT), vocab_size=3)
        decoded = encoder.decode(np.array([[0.1, 0.2, 0, 0], [0, 0, 1, 0.9], [0, 0, 0, 1]], dtype=np.float32))
        assert decoded == [{"t": "b"}, {"t": "(missing)"}, {"t": "(other)"}]

    def test_a_notice_recommends_a_larger_vocabulary_when_many_rows_share_the_other_slot(self):
        assert fit(table_of(t=self.TEXT), vocab_size=3).notices == ()
        [notice] = fit(table_of(t=self.TEXT), vocab_size=2).notices
        assert notice == (
            'rare values share one slot, "other", and are not told apart: t (2 of 5 values kept, 40 % of the rows have'
            " another); raise vocab_size (now 2) to keep more, or exclude columns of ids"
        )

    def test_a_notice_does_so_when_most_values_share_it_though_few_rows_have_them(self):
        often = ["a"] * 500 + ["b"] * 400
        assert fit(table_of(t=[*often, "c", "d"]), vocab_size=2).notices == ()
        [notice] = fit(table_of(t=[*often, "c", "d", "e"]), vocab_size=2).notices
        assert "t (2 of 5 values kept, 0.3 % of the rows have another)" in notice

    def test_there_may_be_more_slots_than_rows(self):
        encoder = fit(table_of(t=["a", "b"]), vocab_size=1000)
        assert dense(encoder, table_of(t=["b", "new"])).tolist() == [[0, 1, 0], [0, 0, 1]]

    def test_numeric_codes_compare_as_numbers(self, mixed):
        encoder = fit(mixed, encode_column=["code"], categorical_column=["code"])
        features, notices = dense_rows(encoder, [{"code": value} for value in (1, 1.0, "1", "1.0", 2, "x", 9)])
        assert features.argmax(axis=1).tolist() == [0, 0, 0, 0, 1, 3, 3]
        assert notices[:5] == [[]] * 5
        assert notices[5:] == [
            ["code: 'x' was not seen in training; scored as other"],
            ["code: '9' was not seen in training; scored as other"],
        ]

    def test_a_code_column_that_is_text_in_other_data_keeps_its_categories(self, mixed):
        encoder = fit(mixed, encode_column=["code"], categorical_column=["code"])
        features = dense(encoder, table_of(code=["1", "2.0", "A1"]))
        assert features.argmax(axis=1).tolist() == [0, 1, 3]

    def test_only_values_that_training_never_saw_are_reported(self):
        encoder = fit(table_of(t=self.TEXT), vocab_size=1)
        features, notices = dense_rows(encoder, [{"t": value} for value in ("a", "d", "new", None)])
        assert features.argmax(axis=1).tolist() == [0, 1, 1, 1]
        assert notices == [[], [], ["t: 'new' was not seen in training; scored as other"], []]

    def test_a_column_of_very_many_values_stores_some_of_them_and_does_not_claim_more(self):
        values = ["often"] * 2 + [f"id{i}" for i in range(12_000)]
        encoder = fit(table_of(t=values), vocab_size=1)
        assert len(encoder.to_dict()["columns"][0]["rare"]) == 10_000
        _, [known, unknown] = dense_rows(encoder, [{"t": "id0"}, {"t": "new"}])
        assert known == []
        assert unknown == ["t: 'new' is rare or was not seen in training; scored as other"]


class TestDates:
    def test_parts_that_vary_become_features(self):
        days = ["2017-01-30", "2017-01-31", "2017-02-02"]
        assert fit(table_of(d=days)).layout.width == 3
        assert fit(table_of(d=[f"{day}T{hour:02}:00" for hour, day in enumerate(days)])).layout.width == 5
        assert fit(table_of(d=["2017-01-02", "2017-01-09"])).layout.width == 1  # two Mondays
        assert fit(table_of(d=days)).layout.blocks == ()

    def test_the_features_are_days_and_circles(self):
        dates = ["2017-01-01T06:00", "2017-01-03T18:00"]  # a Sunday and a Tuesday
        features = dense(fit(table_of(d=dates), scaling="none"), table_of(d=dates))
        sunday, tuesday = 2 * np.pi * 3 / 7, 2 * np.pi * 5 / 7  # the epoch was a Thursday
        expected = [
            [-1.25, 1, 0, np.sin(sunday), np.cos(sunday)],
            [1.25, -1, 0, np.sin(tuesday), np.cos(tuesday)],
        ]
        np.testing.assert_allclose(features, expected, atol=1e-6)

    def test_a_missing_date_lies_in_the_centre_of_the_circles(self):
        encoder = fit(table_of(d=["2017-01-01T06:00", "2017-01-03T18:00"]), scaling="none", missing="mean")
        assert dense(encoder, table_of(d=[None]).take(np.array([0]))).tolist() == [[0, 0, 0, 0, 0]]

    def test_dates_before_1970_and_far_away_are_encoded(self):
        encoder = fit(table_of(d=["0001-01-01", "1965-03-01", "9999-12-31"]))
        assert np.isfinite(dense(encoder, table_of(d=["0001-01-01", "9999-12-31"]))).all()

    @pytest.mark.parametrize(
        "dates",
        [
            ["2017-01-30", "2017-01-31", "2017-02-02"],
            ["2017-01-30T10:00:00", "2017-01-31T10:00:00", "2017-02-02T10:00:00"],
            ["1917-01-30T10:00:00", "2017-01-31T23:59:00", "2017-02-02"],
        ],
    )
    def test_they_come_back_as_iso_dates(self, dates):
        encoder = fit(table_of(d=dates), scaling="asinh")
        decoded = [row["d"] for row in encoder.decode(dense(encoder, table_of(d=dates)))]
        off = np.array(decoded, dtype="datetime64[s]") - np.array(dates, dtype="datetime64[s]")
        assert (np.abs(off) <= np.timedelta64(5, "m")).all()
        if len(dates[0]) == len("2017-01-30"):
            assert decoded == dates

    def test_a_reconstruction_far_away_is_still_a_date(self):
        encoder = fit(table_of(d=["2017-01-30", "2017-01-31"]))
        far = np.full((2, encoder.layout.width), 1e18, dtype=np.float32) * [[1], [-1]]
        assert [row["d"] for row in encoder.decode(far)] == ["9999-12-31", "0001-01-01"]


class TestStorage:
    def test_what_is_stored_is_json_and_gives_the_same_encoder(self, mixed):
        encoder = fit(mixed, label_column="label", categorical_column=["code"], vocab_size=1)
        stored = json.dumps(encoder.to_dict(), allow_nan=False)
        again = TabularEncoder.from_dict(json.loads(stored))
        assert again == encoder
        np.testing.assert_array_equal(dense(again, mixed), dense(encoder, mixed))

    @pytest.mark.parametrize("stored", [{}, {"format": 99}, {"format": "1"}])
    def test_another_format_is_refused(self, stored):
        with pytest.raises(ArtifactIncompatible, match="train the model again"):
            TabularEncoder.from_dict(stored)


class TestStreams:
    """Fitting block by block, on more rows than a block and more numbers than a median is exact of."""

    ROWS = 230_000

    @pytest.fixture(scope="class")
    @classmethod
    def table(cls):
        rng = np.random.default_rng(0)
        dates = np.datetime64("2017-01-01", "us") + rng.integers(0, 10**7, cls.ROWS).astype("timedelta64[s]")
        texts = np.array(["red", "green", "blue", None], dtype=object)[rng.integers(0, 4, cls.ROWS)]
        numbers = rng.lognormal(size=cls.ROWS)
        numbers[rng.random(cls.ROWS) < 0.1] = np.nan
        return Table({"n": numbers, "t": texts, "d": dates, "code": rng.integers(0, 50, cls.ROWS) / 2}, cls.ROWS)

    @pytest.fixture(scope="class")
    @classmethod
    def files(cls, table, tmp_path_factory):
        folder = tmp_path_factory.mktemp("files")
        columns = pa.table({name: pa.array(values, from_pandas=True) for name, values in table.columns.items()})
        pq.write_table(columns.slice(0, 100_000), folder / "0.parquet", row_group_size=30_000)
        pq.write_table(columns.slice(100_000), folder / "1.parquet")
        return TableFiles([folder / "0.parquet", folder / "1.parquet"])

    @pytest.mark.parametrize("scaling", ["asinh", "minmax"])
    def test_files_give_the_encoder_of_the_table(self, table, files, scaling):
        mask = np.random.default_rng(1).random(self.ROWS) < 0.5
        mask[65_536:140_000] = False  # a whole block
        for rows in (None, mask):
            encoders = [fit(s, scaling, rows=rows, categorical_column=["code"]).to_dict() for s in (table, files)]
            assert encoders[0] == encoders[1]

    def test_only_the_rows_of_the_mask_count(self, table):
        mask = table.columns["t"] == "red"
        encoder = fit(table, rows=mask, encode_column=["n", "d", "t"])
        assert "the same value in every row of t" in encoder.notices[0]
        numbers = table.columns["n"][mask & ~np.isnan(table.columns["n"])]
        assert encoder.columns["n"].fill == np.median(numbers)
        with pytest.raises(DataError, match="no rows to learn from"):
            fit(table, rows=np.zeros(self.ROWS, bool))

    def test_the_statistics_are_close_to_those_of_numpy(self, table):
        encoder = fit(table)
        numbers = table.columns["n"][~np.isnan(table.columns["n"])]
        assert np.mean(numbers < encoder.columns["n"].fill) == pytest.approx(0.5, abs=0.005)
        filled = np.where(np.isnan(table.columns["n"]), encoder.columns["n"].fill, table.columns["n"])
        assert encoder.columns["n"].scaler.centre == pytest.approx(filled.mean(), rel=1e-12)
        assert encoder.columns["n"].scaler.scale == pytest.approx(filled.std(), rel=1e-12)
        assert encoder.columns["t"].categories == tuple(
            value for value, _ in Counter(table.columns["t"].tolist()).most_common()
        )


class Unread(Table):
    """A table whose values nobody needs."""

    def batches(self, columns=None, rows_at_once=None):
        pytest.fail(f"the values of {columns} were read")


class TestOtherTables:
    def test_a_column_that_is_lacking_is_named(self, mixed):
        with pytest.raises(DataError) as failure:
            fit(mixed, encode_column=["n", "t"]).transform(table_of(n=[1]))
        assert list(failure.value.errors) == ["t"]

    def test_a_column_of_another_type_is_named_with_its_first_value(self, mixed):
        with pytest.raises(DataError, match="column n was trained on numbers; row 2 has 'abc'"):
            fit(mixed, encode_column=["n"]).transform(Table({"n": np.array([None, "abc"], dtype=object)}, 2))
        with pytest.raises(DataError, match="row 3 has 'abc': correct it, or leave it empty"):
            fit(mixed, encode_column=["n"]).transform(Table({"n": np.array(["1", "2.5", "abc"], dtype=object)}, 3))
        with pytest.raises(DataError, match="column d was trained on dates; row 1 has '5'"):
            fit(mixed, encode_column=["d"]).transform(table_of(d=[5]))

    def test_the_source_is_named_and_the_row_counted_through_all_blocks(self, mixed):
        texts = np.full(70_000, "1.5", dtype=object)
        texts[69_000] = "abc"
        with pytest.raises(DataError, match="evaldata: column n was trained on numbers; row 69001 has 'abc'"):
            fit(mixed, encode_column=["n"]).refuse_misfits(Table({"n": texts}, 70_000), "evaldata")

    def test_a_source_without_rows_is_refused(self, mixed):
        with pytest.raises(DataError, match="evaldata: there are no rows to score") as failure:
            fit(mixed, encode_column=["n"]).refuse_misfits(Table({"n": np.zeros(0)}, 0), "evaldata")
        assert failure.value.errors == {"file": ["has no rows"]}

    def test_columns_that_take_every_value_are_not_read(self, mixed):
        encoder = fit(mixed, encode_column=["t", "code"], categorical_column=["code"])
        other = table_of(t=[1, 2], code=["2017-01-30", "2017-01-31"])
        encoder.refuse_misfits(Unread(other.columns, other.rows), "evaldata")

    def test_a_column_without_values_fits_every_type(self, mixed):
        encoder = fit(mixed, encode_column=["n", "t", "d"])
        nothing = table_of(n=[None], t=[None], d=[None])
        expected = {"n": np.full(1, np.nan), "t": np.array([None]), "d": np.array(["NaT"], dtype="datetime64[us]")}
        np.testing.assert_array_equal(dense(encoder, nothing), dense(encoder, Table(expected, 1)))

    def test_numbers_in_a_text_column_are_their_text(self):
        encoder = fit(table_of(t=["1", "2.5", "A"]))
        np.testing.assert_array_equal(dense(encoder, table_of(t=[1, 2.5])), dense(encoder, table_of(t=["1", "2.5"])))

    def test_permuted_rows_give_permuted_features(self, mixed):
        encoder = fit(mixed)
        order = np.array([3, 1, 0, 2])
        np.testing.assert_array_equal(dense(encoder, mixed.take(order)), dense(encoder, mixed)[order])


NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**20), 10**20)
TEXTS = st.none() | st.sampled_from(["a", "b", "ü", "", "NA", "1"]) | st.text(max_size=3)
DATES = st.none() | st.datetimes().map(lambda date: date.isoformat())
ROWS = st.lists(st.fixed_dictionaries({"n": NUMBERS, "c": NUMBERS, "t": TEXTS, "d": DATES}), min_size=1, max_size=8)


@settings(deadline=None)
@given(trained=ROWS, new=ROWS, scaling=st.sampled_from(["asinh", "standard", "minmax", "none"]))
def test_rows_and_tables_are_encoded_alike_and_always_finite(trained, new, scaling):
    def table(rows):
        from algorithms.tabular.cells import is_missing

        texts = [None if row["t"] is None or is_missing(row["t"]) else row["t"] for row in rows]
        return Table(
            {
                "n": np.array([row["n"] for row in rows], dtype=np.float64),
                "c": np.array([row["c"] for row in rows], dtype=np.float64),
                "t": np.array(texts, dtype=object),
                "d": np.array([row["d"] for row in rows], dtype="datetime64[us]"),
            },
            len(rows),
        )

    try:
        encoder = fit(table(trained), scaling=scaling, categorical_column=["c"], vocab_size=2)
    except DataError:  # every column is constant
        return
    features, notices = dense_rows(encoder, new)
    assert features.dtype == np.float32
    assert features.shape == (len(new), encoder.layout.width) == (len(notices), encoder.layout.width)
    assert np.isfinite(features).all()
    np.testing.assert_array_equal(features, dense(encoder, table(new)))
    json.dumps(encoder.decode(features), allow_nan=False)


def test_the_package_imports_neither_pandas_nor_pyarrow_nor_a_training_library():
    program = (
        "import sys, algorithms.tabular.encoder, algorithms.labels\n"
        "print(sorted({'pandas', 'pyarrow', 'sklearn', 'tensorflow', 'torch', 'django'} & set(sys.modules)))"
    )
    process = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "[]"
