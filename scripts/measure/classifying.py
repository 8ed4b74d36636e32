"""The classifier on codes and posts of one's own, beside a plain script."""

import argparse
import platform
import time
from datetime import datetime

import pandas as pd
import rjieba
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from stagemix.codes.codebook import default_codebook
from stagemix.learn.classify import predict
from stagemix.learn.evaluate import evaluate
from stagemix.learn.model_file import versions
from stagemix.learn.training import train
from stagemix.posts.post import full_text, posts_from
from stagemix.posts.tables import read_table


def plain_script(texts, truth, seed: int) -> float:
    """Cross-validated macro-F1 of TF-IDF 1-2-grams of jieba words + LinearSVC (C=.5)."""

    words = TfidfVectorizer(tokenizer=rjieba.cut, token_pattern=None, ngram_range=(1, 2))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    found = cross_val_predict(make_pipeline(words, LinearSVC(C=0.5)), texts, truth, cv=folds)
    return float(f1_score(truth, found, average="macro"))


def measure(arguments: argparse.Namespace) -> dict:

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
