"""Posts that serve several stages at once: how often, from the sample that people coded."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.codes.codebook import POST, UNCODABLE, YES, Variable
from stagemix.codes.rounds import CHOSEN, read_round, round_names
from stagemix.mix.groups import EVERY
from stagemix.mix.shares import OverallEstimate, Shares, wilson_interval
from stagemix.posts.tables import read_table
from stagemix.posts.values import texts
from stagemix.study.folder import Study
from stagemix.study.inventory import stages_by_function

Floats = NDArray[np.float64]
SEVERAL = "several"
COLUMNS = ("stage", "function", "n_codes", "n_yes", "share", "low", "high")


def functions_of_posts(study: Study) -> pd.DataFrame | None:
    """Estimate how many posts serve several stages, from the study's round (`function_shares`).

    None where the round was not drawn by chance or its functions were not coded.
    """
    stage = study.codebook.variable()
    parts = stages_by_function(study.codebook, unit=POST)
    if study.round not in round_names(study.rounds) or not study.agreed.is_file() or not parts:
        return None
    round_ = read_round(study.round, study.rounds)
    table = read_table(study.agreed)
    if round_.design == CHOSEN or not {stage.id, *parts} <= set(table.columns):
        return None
    own = table[table["round"].eq(study.round)]
    codes = own[[stage.id, "stratum", *parts]].apply(texts).rename(columns={stage.id: "value"})
    sizes = {name: posts for name, (posts, _) in round_.strata.items()}
    return function_shares(codes, sizes=sizes, stage=stage, functions=parts)


def function_shares(
    codes: pd.DataFrame, *, sizes: Mapping[str, int], stage: Variable, functions: Mapping[str, str]
) -> pd.DataFrame | None:
    """Estimate the share of posts that serve each stage besides their own, and several at once.

    CODES are the drawn posts: `stratum`, `value` (the stage), a column per function (`1`, `0`,
    null where not coded or not agreed); SIZES are the posts of each stratum, FUNCTIONS maps each
    function to its stage. Rows are over all codable posts (`all`) and over those of each stage,
    for each function and for `several`, any of them; shares with 95% intervals, columns
    `COLUMNS`. A tick counts where its stage is another than the post's, of an ordinal variable a
    lower one. Posts without every function's code are treated as if missing by chance in their
    stratum. None where no post has them all.
    """
    # an uncodable post was looked at too: it is in the sample, and in no share
    whole = codes[list(functions)].notna().all(axis=1) | codes["value"].eq(UNCODABLE)
    used = codes[whole & codes["value"].notna()]
    if not used["value"].isin(stage.values).any():
        return None
    stratum, names = pd.factorize(used["stratum"])
    size = np.array([sizes[name] for name in names], dtype="float64")
    beside = {name: _stages_beside(of, stage) for name, of in functions.items()}
    ticked = {
        name: (used[name].eq(YES) & used["value"].isin(owners)).to_numpy()
        for name, owners in beside.items()
    }
    rows: list[dict[str, object]] = []
    for domain in (EVERY, *stage.values):
        members = stage.values if domain == EVERY else (domain,)
        x = used["value"].isin(members).to_numpy()
        asked = [name for name, owners in beside.items() if not owners.isdisjoint(members)]
        if not x.any() or not asked:
            continue
        y = {name: x & ticked[name] for name in asked}
        for name, yes in {SEVERAL: np.any(list(y.values()), axis=0), **y}.items():
            found = ratio_share(yes.astype("float64"), x.astype("float64"), stratum, size)
            ends = {part: float(value[0]) for part, value in vars(found).items()}
            counts = {"n_codes": int(x.sum()), "n_yes": int(yes.sum())}
            rows.append({"stage": domain, "function": name, **counts, **ends})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _stages_beside(of: str, stage: Variable) -> set[str]:
    """The stages of posts for which a function of the stage OF is one besides their own."""
    if stage.level == "ordinal" and of in stage.values:
        return set(stage.values[stage.values.index(of) + 1 :])
    return set(stage.values) - {of} if of in stage.values else set()


def ratio_share(y: Floats, x: Floats, stratum: NDArray[np.intp], size: Floats) -> Shares:
    """Share of a domain's posts that have a property, from a stratified random sample.

    Y, X (n,) are 1 where a drawn post has it, and where it is of the domain (Y is 0 where X is);
    STRATUM (n,) numbers the strata, SIZE (H,) are their posts. The combined ratio estimator
    R = sum N_h ȳ_h / sum N_h x̄_h with its linearised variance (Cochran 1977, section 6.11;
    Särndal, Swensson & Wretman 1992, section 5.8): e = y - R x,
    V = sum N_h² (1 - n_h/N_h) s²_h(e)/n_h / (sum N_h x̄_h)². Where a stratum has one drawn post,
    s² is e², taken from the mean of all, 0. V is floored by R (1 - R)/n_eff, Kish's (1965) n_eff
    of the domain with the finite population correction of each stratum, as few posts that have the
    property may all be alike by chance. Returns share and complement with Wilson intervals at the
    sample size R (1 - R)/V; exact where every post of the strata is drawn.
    """
    n = np.bincount(stratum, minlength=len(size)).astype("float64")
    w = (size / n)[stratum]
    posts = (w * x).sum()
    share = (w * y).sum() / posts
    e = y - share * x
    mean = np.where(n > 1, np.bincount(stratum, e, len(size)) / n, 0.0)
    squares = np.bincount(stratum, (e - mean[stratum]) ** 2, len(size)) / np.maximum(n - 1, 1)
    variance = (size**2 * (1 - n / size) * squares / n).sum() / posts**2
    per_post = (w**2 * x * (1 - n / size)[stratum]).sum() / posts**2
    variance = max(variance, share * (1 - share) * per_post)
    theta = np.array([share, 1 - share])
    return wilson_interval(
        OverallEstimate(
            theta=theta,
            variance=np.full(2, variance),
            spread=theta,
            unseen=1 / float(per_post) if per_post > 0 else float("inf"),
        )
    )
