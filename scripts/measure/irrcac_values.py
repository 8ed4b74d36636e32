"""Write the random designs that the coefficients are tested on, with what irrCAC makes of them.

    python3 -m venv irrcac && irrcac/bin/pip install irrcac==0.4.4
    irrcac/bin/python scripts/measure/irrcac_values.py > tests/codes/irrcac.csv

irrCAC (Gwet 2014) wants an older pandas than stagemix, so it runs in an environment of its own and
the tests read what it said. `codes` has a unit between bars and a digit per coder, `.` for none.
"""

import sys

import numpy as np
import pandas as pd
from irrCAC.raw import CAC

DESIGNS, SEED, DIGITS = 200, 20, 12


def design(rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Codes (units, coders), nan where missing, that agree more or less, and how many values."""
    units, coders, values = rng.integers(5, 61), rng.integers(2, 6), rng.integers(2, 6)
    shares = rng.dirichlet(np.full(values, 0.7))
    truth = rng.choice(values, size=units, p=shares)
    guessed = rng.choice(values, size=(units, coders), p=shares)
    right = rng.random((units, coders)) < rng.uniform(0.2, 1)
    codes = np.where(right, truth[:, None], guessed).astype(float)
    codes[rng.random((units, coders)) < rng.uniform(0, 0.3)] = np.nan
    return codes, int(values)


def said(codes: np.ndarray, values: int) -> dict[str, float]:
    """What irrCAC says, nan where it divides by nothing or finds no variation."""
    used = codes[(~np.isnan(codes)).sum(axis=1) > 1]
    if len(np.unique(used[~np.isnan(used)])) < 2:
        return {}
    frame, names = pd.DataFrame(codes), [float(k) for k in range(values)]
    plain = CAC(frame, categories=names, digits=DIGITS)
    ordinal = CAC(frame, weights="ordinal", categories=names, digits=DIGITS)
    found = {
        "alpha_nominal": plain.krippendorff(),
        "fleiss_kappa": plain.fleiss(),
        "gwet_ac1": plain.gwet(),
        "gwet_ac2": ordinal.gwet(),
    }
    return {name: value["est"]["coefficient_value"] for name, value in found.items()}


def main() -> None:
    rng = np.random.default_rng(SEED)
    rows = []
    for _ in range(DESIGNS):
        codes, values = design(rng)
        cells = [["." if np.isnan(x) else str(int(x)) for x in unit] for unit in codes]
        text = "|".join("".join(unit) for unit in cells)
        rows.append({"values": values, "codes": text, **said(codes, values)})
    pd.DataFrame(rows).to_csv(sys.stdout, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
