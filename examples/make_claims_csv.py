"""Make claims.csv: health insurance claims, among them those of a few rings of colluding clinics and patients.

The claims are invented. Patients mostly see clinics of their own region, and the same physician there when they come
again; the amount depends on the kind of admission and on how expensive the clinic is. A ring is a few small clinics
that bill for the same patients again and again, from whatever region, signed by whichever physician: no single claim of
it stands out, the block of pairs does. Its claims are labelled `PotentialFraud`; those that its clinics and patients
have with others are not.

    python examples/make_claims_csv.py [FILE]
"""

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

SEED = 20_230_618
ROWS = 6_000
REGIONS = 12
CLINICS, PATIENTS = 150, 3_500
RINGS = 6
LABEL = "PotentialFraud"
OTHER_PHYSICIAN_SHARE = 0.05
"""How many claims are of another physician than the patient's usual one at that clinic."""
AWAY_SHARE = 0.08
"""How many claims are of a clinic in another region."""
NO_PATIENT_SHARE = 0.003
"""How many claims name no patient, as happens in real files."""

Claim = dict[str, Any]

ADMISSIONS = {"EMERGENCY": (45, 9_000), "URGENT": (25, 7_000), "ELECTIVE": (25, 11_000), "TRANSFER": (5, 16_000)}
"""Kind of admission: how frequent it is, and what it costs (US $)."""


@dataclass(frozen=True)
class Clinic:
    """A provider: where it is, who works there, how expensive (1 is usual) and how large it is."""

    name: str
    region: int
    physicians: tuple[str, ...]
    price: float
    size: float


@dataclass(frozen=True)
class Patient:
    """A beneficiary, who lives in a region."""

    name: str
    region: int


@dataclass(frozen=True)
class Ring:
    """Clinics that bill for the same patients."""

    clinics: tuple[Clinic, ...]
    patients: tuple[Patient, ...]


def clinics(random: Random, count: int, *, small: bool, first: int) -> list[Clinic]:
    """Return clinics; a small one has a tenth of the patients."""
    made = []
    for number in range(first, first + count):
        physicians = tuple(f"PHY{number}{letter}" for letter in "ABCDEF"[: random.randint(2, 3 if small else 6)])
        size = random.lognormvariate(0, 0.5) * (0.1 if small else 1)
        made.append(Clinic(f"PRV{number}", random.randrange(REGIONS), physicians, random.lognormvariate(0, 0.1), size))
    return made


def rings(random: Random, patients: list[Patient]) -> list[Ring]:
    """Return rings of two to four small clinics and six to ten patients each; no two share a member."""
    made, free = [], random.sample(patients, len(patients))
    for number in range(RINGS):
        members = clinics(random, random.randint(2, 4), small=True, first=50_000 + CLINICS + 4 * number)
        made.append(Ring(tuple(members), tuple(free.pop() for _ in range(random.randint(6, 10)))))
    return made


def claim(random: Random, patient: Patient, clinic: Clinic) -> Claim:
    """Return a claim as it should be, without its number."""
    (admission,) = random.choices(list(ADMISSIONS), weights=[share for share, _ in ADMISSIONS.values()])
    amount = ADMISSIONS[admission][1] * clinic.price * random.lognormvariate(0, 0.3)
    return {
        "BeneID": patient.name,
        "Provider": clinic.name,
        "AttendingPhysician": random.choice(clinic.physicians),
        "AdmissionType": admission,
        "InscClaimAmtReimbursed": max(round(amount / 10) * 10, 100),
        LABEL: "No",
    }


def ring_claims(random: Random, ring: Ring) -> Iterator[Claim]:
    """Yield the claims of a ring: two to four of most of its pairs, a little too dear."""
    for clinic in ring.clinics:
        for patient in ring.patients:
            if random.random() < 0.15:
                continue
            for _ in range(random.randint(2, 4)):
                billed = claim(random, patient, clinic)
                amount = round(billed["InscClaimAmtReimbursed"] * random.uniform(1.2, 2.0) / 100) * 100
                yield billed | {"InscClaimAmtReimbursed": amount, LABEL: "Yes"}


def honest_claims(random: Random, patients: list[Patient], everywhere: list[Clinic]) -> Iterator[Claim]:
    """Yield claims without end; larger clinics have more of them."""
    local = {region: [clinic for clinic in everywhere if clinic.region == region] for region in range(REGIONS)}
    usual: dict[tuple[str, str], str] = {}
    while True:
        patient = random.choice(patients)
        near = everywhere if random.random() < AWAY_SHARE else local[patient.region] or everywhere
        (clinic,) = random.choices(near, weights=[clinic.size for clinic in near])
        billed = claim(random, patient, clinic)
        physician = usual.setdefault((patient.name, clinic.name), billed["AttendingPhysician"])
        if random.random() >= OTHER_PHYSICIAN_SHARE:
            billed["AttendingPhysician"] = physician
        yield billed | {"BeneID": ""} if random.random() < NO_PATIENT_SHARE else billed


def records(seed: int = SEED, rows: int = ROWS) -> list[Claim]:
    """Return the claims in the order they came in, numbered."""
    random = Random(seed)  # noqa: S311 - sample data, drawn alike on every Python
    patients = [Patient(f"BENE{10_000 + number}", random.randrange(REGIONS)) for number in range(PATIENTS)]
    colluding = rings(random, patients)
    everywhere = clinics(random, CLINICS, small=False, first=50_000)
    everywhere += [clinic for ring in colluding for clinic in ring.clinics]
    claims = [billed for ring in colluding for billed in ring_claims(random, ring)][:rows]
    honest = honest_claims(random, patients, everywhere)
    claims += [next(honest) for _ in range(rows - len(claims))]
    random.shuffle(claims)
    return [{"ClaimID": f"CLM{30_000 + number}"} | billed for number, billed in enumerate(claims)]


def write(path: Path) -> None:
    """Write the CSV file."""
    claims = records()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, claims[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(claims)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("claims.csv"))
