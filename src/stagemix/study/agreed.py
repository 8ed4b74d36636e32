"""The agreed codes of a study, written as the files that training and correction read."""

from collections.abc import Sequence

import pandas as pd

from stagemix.codes.agreed import agreed_codes
from stagemix.codes.codebook import ACCOUNT, POST
from stagemix.codes.rounds import CHOSEN, ID_COLUMN, TRAINING, Round, read_round, round_names
from stagemix.codes.store import BESIDE, CodeStore
from stagemix.files import whole
from stagemix.study.folder import Study


def write_agreed(study: Study, *, store: CodeStore) -> None:
    """Write `coding/agreed.csv`: one row per post, its round, chance, and a column per variable.

    A post of several rounds stands with the study's round, else the first by name of those drawn
    by chance, else of those picked; rounds of training give none. The agreed codes of accounts
    stand in `agreed-accounts.csv`. Where nothing is agreed there is no file.
    """
    codes = store.codes()
    rounds = [read_round(name, study.rounds) for name in round_names(study.rounds)]
    rounds.sort(key=lambda r: (r.name != study.round, r.design == CHOSEN, r.name))
    for kind, path in ((POST, study.agreed), (ACCOUNT, study.agreed_accounts)):
        table = _agreed_table(
            [r for r in rounds if r.kind == kind and r.purpose != TRAINING],
            codes,
            variables=[p.id for v in study.codebook.of_unit(kind) for p in v.parts],
        )
        if table.empty:
            path.unlink(missing_ok=True)
            continue
        named = table.rename(columns={"unit": ID_COLUMN[kind]})
        with whole(path) as part:
            named.to_csv(part, index=False, encoding="utf-8", lineterminator="\n")


def _agreed_table(
    rounds: Sequence[Round], codes: pd.DataFrame, *, variables: Sequence[str]
) -> pd.DataFrame:
    own = codes[codes["round"].isin([r.name for r in rounds]) & (codes["kind"] != BESIDE)]
    coded = [name for name in variables if (own["variable"] == name).any()]
    shown = ["unit", "stratum", "inclusion_probability"]
    frames = [pd.DataFrame(columns=[*shown, "round"])]
    for round_ in rounds:
        table = round_.units[shown].assign(round=round_.name)
        of_round = own[own["round"] == round_.name]
        for variable in coded:
            settled = agreed_codes(of_round, variable=variable).codes.set_index("unit")
            table[variable] = table["unit"].map(settled["value"])
            table[f"{variable}_how"] = table["unit"].map(settled["how"])
        if coded:
            frames.append(table.dropna(subset=coded, how="all"))
    found = [frame for frame in frames if len(frame)] or frames[:1]
    return pd.concat(found, ignore_index=True).drop_duplicates("unit", keep="first")
