import csv
from collections import Counter, defaultdict

import pytest

from examples import make_claims_csv as claims

COMMITTED = claims.Path(claims.__file__).with_name("claims.csv")


@pytest.fixture(scope="module")
def rows():
    with COMMITTED.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def ring():
    random = claims.Random(0)
    patients = [claims.Patient(f"BENE{number}", 0) for number in range(100)]
    return claims.rings(random, patients)[0]


def test_the_script_makes_the_committed_file_byte_by_byte(tmp_path):
    claims.write(tmp_path / "claims.csv")
    assert (tmp_path / "claims.csv").read_bytes() == COMMITTED.read_bytes()


def test_another_seed_makes_other_records():
    assert claims.records(seed=1, rows=400) != claims.records(seed=2, rows=400)


def test_it_has_the_columns_of_health_claims(rows):
    assert list(rows[0]) == [
        "ClaimID",
        "BeneID",
        "Provider",
        "AttendingPhysician",
        "AdmissionType",
        "InscClaimAmtReimbursed",
        "PotentialFraud",
    ]
    assert len({row["ClaimID"] for row in rows}) == len(rows) == 6000
    assert Counter(row["BeneID"] == "" for row in rows)[True] == 20
    assert 0.03 < Counter(row["PotentialFraud"] for row in rows)["Yes"] / 6000 < 0.06


def test_every_physician_works_at_one_clinic(rows):
    clinics = defaultdict(set)
    for row in rows:
        clinics[row["AttendingPhysician"]].add(row["Provider"])
    assert {len(where) for where in clinics.values()} == {1}


def test_the_pairs_of_rings_come_again_and_again_and_others_seldom(rows):
    pairs = Counter((row["Provider"], row["BeneID"], row["PotentialFraud"]) for row in rows if row["BeneID"])
    fraud, honest = ([count for (*_, label), count in pairs.items() if label == given] for given in ("Yes", "No"))
    assert set(fraud) == {2, 3, 4}
    assert sum(count > 1 for count in honest) < 0.1 * len(honest)


def test_a_ring_is_a_dense_block_of_small_clinics_and_their_patients(ring):
    made = list(claims.ring_claims(claims.Random(1), ring))
    pairs = {(row["Provider"], row["BeneID"]) for row in made}
    everyone = len(ring.clinics) * len(ring.patients)
    assert 0.6 * everyone < len(pairs) <= everyone
    assert {row["PotentialFraud"] for row in made} == {"Yes"}
    assert {row["Provider"] for row in made} <= {clinic.name for clinic in ring.clinics}


def test_rings_share_no_member():
    patients = [claims.Patient(f"BENE{number}", 0) for number in range(100)]
    rings = claims.rings(claims.Random(0), patients)
    for of in ("clinics", "patients"):
        names = [member.name for ring in rings for member in getattr(ring, of)]
        assert len(names) == len(set(names))
