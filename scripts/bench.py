"""Measure stagemix, beside plain ways and public libraries, in one run.

    python3 scripts/bench.py classifier --codes coded.csv --corpus posts.parquet --out bench.json
    python3 scripts/bench.py statistics --out statistics.json --quick

`classifier`: CODES has post_id, title, text, the column named by --column (agreed), and every post
of it is added to the corpus. `statistics`: on simulated worlds (see `worlds.py`, `mergers.py`), and
with --texts on texts dealt out to accounts, a parquet file of `tokens` (words with blanks between)
and `label`. Figures are written to --out with date, machine and versions.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

from environment import FOLDER, ready


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    classifier = commands.add_parser("classifier", help="on posts and codes of your own")
    classifier.add_argument("--codes", type=Path, required=True)
    classifier.add_argument("--corpus", type=Path, nargs="+", required=True)
    classifier.add_argument("--column", default="agreed")
    classifier.add_argument("--seeds", type=int, default=3)
    classifier.add_argument("--out", type=Path, default=Path("bench.json"))
    statistics = commands.add_parser("statistics", help="on simulated worlds")
    statistics.add_argument("--out", type=Path, default=Path("statistics.json"))
    statistics.add_argument("--quick", action="store_true", help="few replicates of everything")
    statistics.add_argument("--replicates", type=int, help="of every world, instead of the usual")
    statistics.add_argument("--texts", type=Path, help="a parquet file of tokens and label")
    statistics.add_argument("--jobs", type=int, default=2)
    statistics.add_argument("--only", help="parts, as shares,cells,texts,merging,alike,speed")
    return parser.parse_args()


def plain_script(texts, truth, seed: int) -> float:
    """Cross-validated macro-F1 of TF-IDF 1-2-grams of jieba words + LinearSVC (C=.5)."""
    import rjieba
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import f1_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    words = TfidfVectorizer(tokenizer=rjieba.cut, token_pattern=None, ngram_range=(1, 2))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    found = cross_val_predict(make_pipeline(words, LinearSVC(C=0.5)), texts, truth, cv=folds)
    return float(f1_score(truth, found, average="macro"))


def measure(arguments: argparse.Namespace) -> dict:
    import pandas as pd

    from stagemix.codes.codebook import default_codebook
    from stagemix.learn.classify import predict
    from stagemix.learn.evaluate import evaluate
    from stagemix.learn.model_file import versions
    from stagemix.learn.training import train
    from stagemix.posts.post import full_text, posts_from
    from stagemix.posts.tables import read_table

    variable = default_codebook().variable()
    raw = read_table(arguments.codes)
    tables = [raw[["post_id", "title", "text"]], *map(read_table, arguments.corpus)]
    known = pd.concat(tables, ignore_index=True).drop_duplicates("post_id")
    posts = posts_from(
        known.assign(account="all")[["post_id", "account", "title", "text"]], where="corpus"
    )
    codes = pd.DataFrame({"post_id": raw["post_id"], "value": raw[arguments.column],
                          "inclusion_probability": 1.0, "round": ""})  # fmt: skip
    codes = codes[codes["value"].isin(variable.values)].reset_index(drop=True)
    texts = full_text(posts.set_index("post_id").loc[codes["post_id"]])
    rows = []
    for seed in range(arguments.seeds):
        started = time.perf_counter()
        training = train(codes, posts, variable=variable, seed=seed, fast=True)
        trained = time.perf_counter() - started
        found = evaluate(training.out_of_fold, categories=list(variable.values),
                         labelled=list(training.model.labelled))  # fmt: skip
        started = time.perf_counter()
        predict(posts, model=training.model)
        labelled = time.perf_counter() - started
        rows.append({"seed": seed, "ours": found.macro_f1, "plain": plain_script(texts, codes["value"], seed),
                     "train_seconds": trained, "posts_per_second": len(posts) / labelled})  # fmt: skip
        print(rows[-1], flush=True)
    mean = pd.DataFrame(rows).mean()
    return {
        "codes": len(codes), "posts": len(posts), "runs": rows,
        "macro_f1": {"ours": mean["ours"], "plain": mean["plain"], "above": mean["ours"] - mean["plain"]},
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "machine": {"platform": platform.platform(), "processor": platform.machine()},
        "versions": versions(),
    }  # fmt: skip


def main() -> int:
    arguments = parsed()
    extras = ["bench"] if arguments.command == "statistics" else []
    if not FOLDER.exists() or not Path(sys.prefix).samefile(FOLDER):
        return subprocess.run([ready(*extras), *sys.argv]).returncode
    if arguments.command == "statistics":
        # replicates run beside each other, so none needs more than one core
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        import measuring

        measuring.write(measuring.measure(arguments), arguments)
        return 0
    result = measure(arguments)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(
        f"macro-F1 {result['macro_f1']['ours']:.3f}, the plain script {result['macro_f1']['plain']:.3f}; {arguments.out}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
