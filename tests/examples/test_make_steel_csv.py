import csv
from collections import Counter

import pytest

from examples import make_steel_csv as steel


@pytest.fixture(scope="module")
def rows():
    with (steel.Path(steel.__file__).with_name("steel.csv")).open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_script_makes_the_committed_file_byte_by_byte(tmp_path):
    steel.write(tmp_path / "steel.csv")
    assert (tmp_path / "steel.csv").read_bytes() == steel.Path(steel.__file__).with_name("steel.csv").read_bytes()


def test_another_seed_makes_other_records():
    assert steel.records(seed=1, rows=50) != steel.records(seed=2, rows=50)


def test_it_has_the_columns_of_the_guide(rows):
    guide = {"PRODUCT_CD", "CUR_FAC_OP_CD", "MC_NO", "CAST_STR_NUM", "SM_STEEL_GRD", "CC_UNCOND_SF_MTH"}
    assert guide < set(rows[0])
    assert Counter(row["DEFECT"] for row in rows) == {"0": 3880, "1": 120}


def test_normal_slabs_keep_to_what_their_product_and_grade_decide(rows):
    products = {product.code: product for product in steel.PRODUCTS}
    for row in (row for row in rows if row["DEFECT"] == "0"):
        product = products[row["PRODUCT_CD"]]
        assert row["MC_NO"] in product.machines
        assert row["SM_STEEL_GRD"] in product.grades
        assert row["CC_UNCOND_SF_MTH"] == steel.GRADES[row["SM_STEEL_GRD"]].surface
        volume = float(row["SLAB_WIDTH_MM"]) * float(row["SLAB_THICK_MM"]) * float(row["SLAB_LEN_MM"])
        assert float(row["SLAB_WGT_KG"]) == pytest.approx(volume * steel.STEEL_DENSITY, rel=0.05)


@pytest.mark.parametrize("spoil", steel.ANOMALIES, ids=lambda spoil: spoil.__name__)
def test_every_kind_of_anomaly_changes_the_slab(spoil):
    for seed in range(20):
        random = steel.Random(seed)
        slab = steel.cast(random)
        before = dict(slab)
        spoil(slab, random)
        assert [column for column in slab if slab[column] != before[column]] != []
