"""A study that ran to its end."""

import shutil
from datetime import datetime
from pathlib import Path

import pytest

from stagemix.codes.codebook import default_codebook
from stagemix.study.coding import draw_round, take_in
from stagemix.study.folder import init_study, read_study
from stagemix.study.modelling import classify_folder, train_files
from stagemix.study.reporting import write_report


@pytest.fixture(scope="session")
def study_with_report(worked, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of the small corpus, coded by two who differ on every tenth post, and its report."""
    root = tmp_path_factory.mktemp("报告")
    init_study(root)
    shutil.copytree(worked.corpus, root / "corpora" / "posts")
    study = read_study(root)
    drawn = draw_round(study, root / "corpora" / "posts", n=240, name="final", coders=["甲", "乙"])
    true = worked.posts.set_index("post_id")["true"]
    lines = ["post_id,coder,variable,value"]
    for n, unit in enumerate(drawn.units["unit"]):
        lines.append(f"{unit},甲,stage,{true[unit]}")
        lines.append(f"{unit},乙,stage,{'publish' if n % 10 == 0 else true[unit]}")
    (root / "codes.csv").write_text("\n".join(lines), encoding="utf-8")
    take_in(study, [root / "codes.csv"], round_="final", coded_at="2026-01-01")
    train_files(
        study.agreed, [root / "corpora" / "posts"], out=root / "models" / "stage",
        codebook=default_codebook(), variable=None, seed=1, fast=True, trained_at="2026-01-01",
    )  # fmt: skip
    classify_folder(
        root / "corpora" / "posts",
        model=root / "models" / "stage",
        out=root / "predictions" / "posts",
    )
    write_report(study, out=root / "reports", written_at=datetime(2026, 1, 1, 12, 0))
    return root
