"""What the steps of a study need of a corpus: its place, and its accounts."""

from pathlib import Path

import pandas as pd

from stagemix.posts.corpus import read_accounts, read_corpus
from stagemix.study.folder import Study


def place_of(study: Study, corpus: Path) -> str:
    """Return a corpus' path as rounds hold it: from the study's folder, outside it the whole."""
    path = corpus.resolve()
    inside = path.is_relative_to(study.root.resolve())
    return (path.relative_to(study.root.resolve()) if inside else path).as_posix()


def accounts_of(corpus: Path) -> pd.DataFrame:
    """Every account with posts or in the account table, by name, with the table's columns."""
    table = read_accounts(corpus)
    listed = pd.DataFrame({"account": []}, dtype="str") if table is None else table
    names = sorted({*read_corpus(corpus)["account"], *listed["account"]})
    return pd.DataFrame({"account": names}, dtype="str").merge(listed, on="account", how="left")
