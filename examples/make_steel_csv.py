"""Make steel.csv: slabs from a steel works' continuous casters, about 3 % of them with a planted anomaly.

The records are invented, their dependencies are not: the product decides the caster and the grades, the grade decides
the chemistry and the surface treatment, chemistry decides the liquidus temperature and with it the tundish's, and
weight is volume times density. Every anomaly keeps to the plausible range of each single column (but for slips of the
pen) and breaks a dependency, so that looking at one column at a time does not find it.

    python examples/make_steel_csv.py [FILE]
"""

import csv
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

SEED = 20_170_901
ROWS = 4_000
ANOMALOUS_SHARE = 0.03
LABEL = "DEFECT"
STEEL_DENSITY = 7.85e-6  # kg/mm³
SUPERHEAT = 28.0  # °C above the liquidus

Slab = dict[str, Any]


@dataclass(frozen=True)
class Product:
    """What is rolled from the slabs: where they are cast, from which grades, how large (mm)."""

    code: str
    share: int
    facility: str
    machines: tuple[str, ...]
    grades: tuple[str, ...]
    width: tuple[int, int]
    thickness: int
    length: tuple[int, int]


@dataclass(frozen=True)
class Grade:
    """Chemistry in percent, and what is done to the slab's surface."""

    carbon: float
    manganese: float
    silicon: float
    surface: str


PRODUCTS = (
    Product("HRC", 40, "SM1", ("1CC", "2CC"), ("SPHC", "SS400", "SM490"), (1000, 1600), 230, (8000, 11500)),
    Product("CRC", 25, "SM1", ("1CC",), ("SPCC", "IF"), (900, 1500), 230, (8000, 11500)),
    Product("PLT", 20, "SM2", ("3CC",), ("SM490", "AH36", "X70"), (1500, 2100), 280, (5000, 8000)),
    Product("ELS", 15, "SM2", ("4CC",), ("50PN470", "35PN250"), (950, 1250), 200, (8500, 11000)),
)
GRADES = {
    "SPHC": Grade(0.045, 0.22, 0.02, "N"),
    "SPCC": Grade(0.035, 0.18, 0.02, "S"),
    "IF": Grade(0.005, 0.12, 0.01, "S"),
    "SS400": Grade(0.160, 0.60, 0.15, "N"),
    "SM490": Grade(0.150, 1.35, 0.30, "S"),
    "AH36": Grade(0.140, 1.45, 0.35, "G"),
    "X70": Grade(0.060, 1.65, 0.25, "G"),
    "50PN470": Grade(0.004, 0.30, 1.80, "H"),
    "35PN250": Grade(0.003, 0.20, 2.90, "H"),
}
SPEED = {200: 1.25, 230: 1.40, 280: 0.95}
"""Casting speed in m/min by slab thickness: a thicker slab solidifies more slowly."""


def liquidus(slab: Slab) -> float:
    """Return the temperature in °C at which this steel begins to solidify (linear in its alloying elements)."""
    return 1537.0 - float(78.0 * slab["C_PCT"] + 4.9 * slab["MN_PCT"] + 7.6 * slab["SI_PCT"])


def weight(slab: Slab) -> float:
    """Return the slab's weight in kg, by its dimensions."""
    return float(slab["SLAB_WIDTH_MM"] * slab["SLAB_THICK_MM"] * slab["SLAB_LEN_MM"] * STEEL_DENSITY)


def cast(random: Random) -> Slab:
    """Return a slab as it should be."""
    (product,) = random.choices(PRODUCTS, weights=[product.share for product in PRODUCTS])
    name = random.choice(product.grades)
    grade = GRADES[name]
    slab: Slab = {
        "PRODUCT_CD": product.code,
        "CUR_FAC_OP_CD": product.facility,
        "MC_NO": random.choice(product.machines),
        "CAST_STR_NUM": random.randint(1, 2),
        "SM_STEEL_GRD": name,
        "CC_UNCOND_SF_MTH": grade.surface,
        "SLAB_WIDTH_MM": random.randrange(*product.width, 10),
        "SLAB_THICK_MM": product.thickness,
        "SLAB_LEN_MM": random.randrange(*product.length, 50),
        "C_PCT": grade.carbon * random.gauss(1, 0.06),
        "MN_PCT": grade.manganese * random.gauss(1, 0.04),
        "SI_PCT": grade.silicon * random.gauss(1, 0.05),
    }
    slab["SLAB_WGT_KG"] = weight(slab) * random.gauss(1, 0.006)
    slab["TUNDISH_TEMP_C"] = liquidus(slab) + random.gauss(SUPERHEAT, 3)
    slab["CAST_SPEED_M_MIN"] = SPEED[product.thickness] * random.gauss(1, 0.04)
    return slab


def other(random: Random, choices: tuple[str, ...] | list[str], than: str) -> str:
    """Draw one of the choices that is not `than`."""
    return random.choice([choice for choice in choices if choice != than])


def wrong_machine(slab: Slab, random: Random) -> None:
    """Cast on the machine of another melt shop."""
    slab["MC_NO"] = random.choice(("3CC", "4CC") if slab["CUR_FAC_OP_CD"] == "SM1" else ("1CC", "2CC"))


def wrong_grade(slab: Slab, random: Random) -> None:
    """Labelled as a grade that this product is never made of."""
    (product,) = (product for product in PRODUCTS if product.code == slab["PRODUCT_CD"])
    slab["SM_STEEL_GRD"] = random.choice([grade for grade in GRADES if grade not in product.grades])


def wrong_surface_method(slab: Slab, random: Random) -> None:
    slab["CC_UNCOND_SF_MTH"] = other(random, ["N", "S", "G", "H"], slab["CC_UNCOND_SF_MTH"])


def off_grade_carbon(slab: Slab, random: Random) -> None:
    """Carbon of another kind of steel: high where it is low, low where it is high."""
    slab["C_PCT"] = random.uniform(0.14, 0.19) if slab["C_PCT"] < 0.1 else random.uniform(0.003, 0.02)


def weight_of_another_slab(slab: Slab, random: Random) -> None:
    slab["SLAB_WGT_KG"] *= random.choice((random.uniform(0.80, 0.92), random.uniform(1.08, 1.25)))


def cold_or_hot_tundish(slab: Slab, random: Random) -> None:
    """Towards freezing in the tundish, or towards a breakout of the strand."""
    slab["TUNDISH_TEMP_C"] += random.choice((random.uniform(-26, -10), random.uniform(10, 26)))


def too_fast_for_its_thickness(slab: Slab, random: Random) -> None:
    slab["CAST_SPEED_M_MIN"] *= random.uniform(1.15, 1.5)


def slip_of_the_pen(slab: Slab, random: Random) -> None:
    """A length in centimetres, or a manganese content with its point shifted."""
    column, factor = random.choice((("SLAB_LEN_MM", 0.1), ("MN_PCT", 10.0)))
    slab[column] *= factor


ANOMALIES: tuple[Callable[[Slab, Random], None], ...] = (
    wrong_machine,
    wrong_grade,
    wrong_surface_method,
    off_grade_carbon,
    weight_of_another_slab,
    cold_or_hot_tundish,
    too_fast_for_its_thickness,
    slip_of_the_pen,
)
DECIMALS = {"C_PCT": 4, "MN_PCT": 3, "SI_PCT": 3, "SLAB_LEN_MM": 0, "SLAB_WGT_KG": 0, "TUNDISH_TEMP_C": 1}
DECIMALS |= {"CAST_SPEED_M_MIN": 2}


def records(seed: int = SEED, rows: int = ROWS) -> list[Slab]:
    """Return the slabs in the order they were cast; `DEFECT` is 1 for those with a planted anomaly."""
    random = Random(seed)  # noqa: S311 - sample data, drawn alike on every Python
    slabs = [cast(random) | {LABEL: 0} for _ in range(rows)]
    for count, slab in enumerate(random.sample(slabs, round(rows * ANOMALOUS_SHARE))):
        ANOMALIES[count % len(ANOMALIES)](slab, random)
        slab[LABEL] = 1
    return slabs


def write(path: Path) -> None:
    """Write the CSV file."""
    slabs = records()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, slabs[0], lineterminator="\n")
        writer.writeheader()
        for slab in slabs:
            writer.writerow(slab | {column: f"{slab[column]:.{digits}f}" for column, digits in DECIMALS.items()})


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("steel.csv"))
