"""Which stages an account reaches: by the posts that people coded, and by its functions.

A stage of an account is `seen` where a coded post has it, a `function` where no coded post has it
and the account's inventory holds a function of it, `not_found` where coded posts, the inventory or
both were looked at and none has it, and `not_looked` where neither was. Predicted labels count
nowhere. Posts that were picked count as any other: to be seen, once is enough.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from stagemix.codes.agreed_file import read_agreed
from stagemix.codes.codebook import ACCOUNT, POST, YES, Codebook
from stagemix.posts.tables import read_table
from stagemix.posts.values import texts
from stagemix.study.folder import Study

SEEN, FUNCTION, NOT_FOUND, NOT_LOOKED = "seen", "function", "not_found", "not_looked"
COLUMNS = ("account", "stage", "state", "n_posts_coded", "n_posts_seen", "functions")
PROFILE = (
    "account",
    "n_posts_coded",
    "n_stages_posts",
    "n_stages_functions",
    "n_stages",
    "functions",
    "safeguards",
)


def stages_by_function(codebook: Codebook, *, unit: str) -> dict[str, str]:
    """Map the parts of the `multiple` variables of functions of UNIT to their stages.

    A variable is one of functions where a category has a stage; its other categories, such as
    those of safety, map to a blank.
    """
    return {
        part.id: category.stage
        for variable in codebook.of_unit(unit)
        if variable.level == "multiple" and any(c.stage for c in variable.categories)
        for part, category in zip(variable.parts, variable.categories, strict=True)
    }


def read_inventory(study: Study) -> pd.DataFrame | None:
    """Read the agreed functions: a row per account, a column per part, null where not agreed.

    None where no function of an account was coded.
    """
    if not study.agreed_accounts.is_file():
        return None
    table = read_table(study.agreed_accounts)
    parts = [name for name in stages_by_function(study.codebook, unit=ACCOUNT) if name in table]
    found = table[parts].apply(texts).set_axis(table["account"].astype("str"))
    return found if parts and found.notna().to_numpy().any() else None


def read_post_codes(path: Path, *, codebook: Codebook) -> pd.DataFrame:
    """Read `post_id`, `value` (the stage) and a column per function from a file of agreed codes.

    Every coded post is there, picked or drawn; no row where there is no file or no stage in it.
    """
    stage, parts = codebook.variable(), list(stages_by_function(codebook, unit=POST))
    if not path.is_file() or stage.id not in read_table(path).columns:
        return pd.DataFrame(columns=["post_id", "value", *parts], dtype="str")
    codes = read_agreed(path, variable=stage)
    ticks = read_table(path).reindex(index=codes.index, columns=parts).apply(texts)
    return codes[["post_id", "value"]].join(ticks)


def stages_of_accounts(study: Study, posts: pd.DataFrame) -> pd.DataFrame:
    """Compute `stage_matrix` of the agreed codes of a study; POSTS has `post_id`, `account`."""
    codes = read_post_codes(study.agreed, codebook=study.codebook)
    return stage_matrix(
        codes, posts=posts, inventory=read_inventory(study), codebook=study.codebook
    )


def stage_matrix(
    codes: pd.DataFrame,
    *,
    posts: pd.DataFrame,
    inventory: pd.DataFrame | None,
    codebook: Codebook,
) -> pd.DataFrame:
    """Say of every account and stage whether it was seen: a row for each, columns `COLUMNS`.

    CODES is as `read_post_codes` gives it, INVENTORY as `read_inventory`; POSTS has `post_id` and
    `account`, and codes of other posts are left out. Rows are the accounts of POSTS and INVENTORY
    by name, stages in the order of the codebook. `n_posts_coded` are the account's codable coded
    posts, `n_posts_seen` those whose stage it is, or that also have a function of it. `functions`
    are the parts of the stage that the account has, joined by `;`: blank where all were coded
    and agreed and it has none, null where that is not known.
    """
    stages = codebook.variable().values
    owner = posts.loc[posts["post_id"].isin(codes["post_id"]), ["post_id", "account"]]
    coded = codes[codes["value"].isin(stages)].merge(owner, on="post_id")
    names = sorted({*posts["account"].unique(), *(() if inventory is None else inventory.index)})
    seen = pd.DataFrame(
        {stage: _serves(coded, stage, codebook=codebook) for stage in stages}, index=coded.index
    )
    n_seen = seen.groupby(coded["account"]).sum().reindex(names, fill_value=0)
    n_coded = coded["account"].value_counts().reindex(names, fill_value=0)
    table = pd.MultiIndex.from_product([names, stages], names=["account", "stage"]).to_frame(
        index=False
    )
    table["n_posts_coded"] = np.repeat(n_coded.to_numpy(dtype="int64"), len(stages))
    table["n_posts_seen"] = n_seen.to_numpy(dtype="int64").ravel()
    found = pd.DataFrame(
        {stage: _held(inventory, _of_stage(codebook, stage), names=names) for stage in stages}
    )
    table["functions"] = pd.array(found.to_numpy(dtype="object").ravel(), dtype="str")
    unknown = table["functions"].isna()
    table["state"] = np.select(
        [
            table["n_posts_seen"] > 0,
            table["functions"].fillna("") != "",
            (table["n_posts_coded"] == 0) & unknown,
        ],
        [SEEN, FUNCTION, NOT_LOOKED],
        NOT_FOUND,
    )
    return table[list(COLUMNS)]


def _serves(coded: pd.DataFrame, stage: str, *, codebook: Codebook) -> pd.Series:
    """Tell which coded posts are of a stage or also have a function of it."""
    parts = [p for p, of in stages_by_function(codebook, unit=POST).items() if of == stage]
    return coded["value"].eq(stage) | (coded[parts] == YES).any(axis=1)


def _of_stage(codebook: Codebook, stage: str) -> list[str]:
    """The functions of accounts of a stage; those of none for a blank STAGE."""
    return [p for p, of in stages_by_function(codebook, unit=ACCOUNT).items() if of == stage]


def _held(
    inventory: pd.DataFrame | None, parts: list[str], *, names: Iterable[str]
) -> list[str | None]:
    """For each account the PARTS it has, joined by `;`; None where it may have some, or none was asked."""
    table = pd.DataFrame() if inventory is None else inventory
    rows = table.reindex(index=pd.Index(list(names)), columns=parts)
    known = (rows.notna().all(axis=1) & bool(parts)).to_numpy()
    has = (rows == YES).to_numpy(dtype=bool)
    held = [";".join(p for p, one in zip(parts, row, strict=True) if one) for row in has]
    return [text if text or sure else None for text, sure in zip(held, known, strict=True)]


def profiles(matrix: pd.DataFrame, *, inventory: pd.DataFrame, codebook: Codebook) -> pd.DataFrame:
    """Sum `stage_matrix` up to a row per account, with the columns `PROFILE`.

    `n_stages_posts` and `n_stages_functions` count the stages seen in coded posts and those with a
    function, `n_stages` those with either; more coded posts find more stages, so the first and the
    last are no ranking. `functions` and `safeguards` (functions without a stage) are parts joined
    by `;`; what is not known of an account whose inventory is not coded is null.
    """
    by_posts = matrix["n_posts_seen"] > 0
    by_functions = matrix["functions"].fillna("") != ""
    rows = matrix.assign(
        n_stages_posts=by_posts, n_stages_functions=by_functions, n_stages=by_posts | by_functions
    ).groupby("account")
    table = rows[["n_stages_posts", "n_stages_functions", "n_stages"]].sum()
    table["n_posts_coded"] = rows["n_posts_coded"].first()
    table["functions"] = rows["functions"].agg(
        lambda cells: ";".join(c for c in cells.dropna() if c)
    )
    asked = table.index.isin(inventory.index[inventory.notna().any(axis=1)])
    counts = table["n_stages_functions"].astype("Int64")
    table["n_stages_functions"] = counts.where(asked)
    table["functions"] = table["functions"].where(asked)
    safe = _held(inventory, _of_stage(codebook, ""), names=table.index)
    table["safeguards"] = pd.array(safe, dtype="str")
    return table.reset_index()[list(PROFILE)]
