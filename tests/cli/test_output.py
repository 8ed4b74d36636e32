"""Tables, JSON and numbers as they are printed."""

import json

import numpy as np
import pandas as pd

from stagemix.cli.output import as_csv, as_json, percent, table


def test_a_table_never_cuts_or_folds_a_name(capsys):
    name = "一个名字特别特别长的政务微信公众号" * 12
    table(["account", "posts"], [[name, 3], ["短", None]])
    lines = capsys.readouterr().out.splitlines()
    assert name in lines[2]
    assert lines[3].startswith("短")
    assert lines[3].endswith("–")


def test_columns_line_up_by_display_width(capsys):
    table(["a", "b"], [["发布", "x"], ["ab", "y"]])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "发布  x"
    assert lines[3] == "ab    y"


def test_json_keeps_precision_and_writes_null_for_what_is_missing(capsys):
    as_json({"账号": "发布", "x": 1 / 3, "nan": float("nan"), "na": pd.NA, "n": np.int64(2),
             "at": pd.Timestamp(2021, 3, 5), "nat": pd.NaT, "list": (None, np.float64(0.1))})  # fmt: skip
    assert json.loads(capsys.readouterr().out) == {
        "账号": "发布", "x": 1 / 3, "nan": None, "na": None, "n": 2,
        "at": "2021-03-05T00:00:00", "nat": None, "list": [None, 0.1],
    }  # fmt: skip


def test_csv_keeps_precision(capsys):
    as_csv(pd.DataFrame({"share": [1 / 3, None]}))
    assert capsys.readouterr().out == 'share\n0.3333333333333333\n""\n'


def test_percent():
    assert percent(0.1234) == "12.3%"
    assert percent(None) == "–"
    assert percent(float("nan")) == "–"
