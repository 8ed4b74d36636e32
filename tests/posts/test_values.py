"""How single values of an export are read."""

import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagemix.errors import DataError
from stagemix.posts import values

FILE = "推文.csv, column x"


def column(*cells: object) -> pd.Series:
    """Cells as a file gives them: row 2 is the first below the header."""
    return pd.Series(list(cells), index=pd.RangeIndex(2, 2 + len(cells)), dtype="object")


def read_or_error(read: Callable[..., pd.Series], text: str) -> tuple[object, str]:
    """The value read from one cell, or the error's words."""
    try:
        return read(column(text), where=FILE).iloc[0], ""
    except DataError as error:
        return None, str(error)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("0", 0),
        ("1234", 1234),
        ("1,234", 1234),
        ("１，２３４", 1234),
        (" 12 ", 12),
        ("12.0", 12),
        (12.0, 12),
        (12, 12),
        ("1.2万", 12000),
        ("1.23万", 12300),
        ("1 万", 10000),
        ("3w", 30000),
        ("3W", 30000),
        ("2千", 2000),
        ("2k", 2000),
        ("1.5亿", 150_000_000),
        ("10万+", 100001),
        ("10W+", 100001),
        ("10万＋", 100001),
        ("100000+", 100001),
    ],
)
def test_counts_reads_what_platforms_show(cell, number):
    assert values.counts(column(cell), where=FILE).tolist() == [number]


@pytest.mark.parametrize(
    "cell", ["", " ", "-", "--", "—", "nan", "NULL", "None", "无", None, np.nan]
)
def test_a_count_that_is_not_there_is_null_and_not_zero(cell):
    read = values.counts(column(cell, "0"), where=FILE)
    assert read.isna().tolist() == [True, False]
    assert read.dtype == "Int64"


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("很多", "'很多'"),
        ("-5", "'-5'"),
        (-5, "'-5'"),
        ("1.5", "'1.5'"),
        ("1.2.3", "'1.2.3'"),
        ("1e3", "'1e3'"),
        ("inf", "'inf'"),
        ("9999999999999亿", "'9999999999999亿'"),
        ([1, 2], "'[1, 2]'"),
        (np.array([1, 2]), "'[1 2]'"),
    ],
)
def test_a_count_that_cannot_be_read_names_its_row(cell, shown):
    with pytest.raises(DataError) as error:
        values.counts(column("7", cell), where=FILE)
    assert str(error.value) == (
        f"{FILE}: row 3 ({shown}) is not a count; correct it or leave it blank"
    )


def test_negative_counts_of_a_parquet_file_are_no_counts_either():
    with pytest.raises(DataError) as error:
        values.counts(pd.Series([3, -1], index=[1, 2]), where=FILE)
    assert str(error.value) == f"{FILE}: row 2 ('-1') is not a count; correct it or leave it blank"


def test_many_unreadable_values_are_named_up_to_five_and_cut():
    with pytest.raises(DataError) as error:
        values.counts(column(*["坏"] * 6, "长" * 50), where=FILE)
    rows = ", ".join(f"row {row} ('坏')" for row in range(2, 7))
    assert str(error.value) == (
        f"{FILE}: {rows} and 2 more is not a count; correct it or leave it blank"
    )


@given(st.integers(min_value=0, max_value=2**53 - 1))
def test_every_whole_number_is_read_as_itself_with_and_without_commas(number):
    read = values.counts(column(str(number), f"{number:,}", f"{number} "), where=FILE)
    assert read.tolist() == [number] * 3


@given(st.integers(min_value=0, max_value=99_999), st.sampled_from("万wW"))
def test_ten_thousands_are_read_to_the_unit(number, unit):
    cell = f"{number // 10_000}.{number % 10_000:04d}{unit}"
    assert values.counts(column(cell), where=FILE).tolist() == [number]


@given(st.text())
def test_any_text_is_a_count_or_an_error_in_one_line(text):
    number, said = read_or_error(values.counts, text)
    assert number is None or number is pd.NA or number >= 0
    assert "\n" not in said
    assert said == "" or said.startswith(f"{FILE}: row 2 (")


@pytest.mark.parametrize(
    "cells",
    [
        ["10万+", "99999", "", "100001", "100,001", 100001.0],
        pd.Series([100001, 5, None, 100001, 100001, 100001], dtype="Int64"),
        pd.Series([100001, 5, np.nan, 100001, 100001, 100001], dtype="float64"),
    ],
)
def test_reads_above_100000_are_marked_whatever_the_file_type(cells):
    marks = values.censored(pd.Series(cells))
    assert marks.tolist() == [True, False, False, True, True, True]
    assert marks.dtype == "bool"


def test_a_column_without_any_reads_has_none_censored():
    assert values.censored(column(None, None)).tolist() == [False, False]


@pytest.mark.parametrize(
    ("cell", "flag"),
    [
        ("是", True),
        ("原创", True),
        ("有", True),
        (1.0, True),
        (True, True),
        ("TRUE", True),
        ("否", False),
        ("转载", False),
        ("0", False),
        (0.0, False),
        (False, False),
    ],
)
def test_flags_reads_yes_and_no(cell, flag):
    assert values.flags(column(cell), where=FILE).tolist() == [flag]


def test_a_flag_that_is_not_there_is_null():
    assert values.flags(column("", "-", None), where=FILE).isna().all()


def test_a_flag_that_cannot_be_read_names_its_row():
    with pytest.raises(DataError) as error:
        values.flags(column("是", "也许"), where=FILE)
    assert str(error.value) == (
        f"{FILE}: row 3 ('也许') is not yes or no; correct it or leave it blank"
    )


@pytest.mark.parametrize(
    ("cell", "time"),
    [
        ("2021-03-05 10:20", "2021-03-05 10:20"),
        ("2021-03-05 10:20:30.120000", "2021-03-05 10:20:30.12"),
        ("2021-03-05 10:20:30.1200", "2021-03-05 10:20:30.12"),
        ("2021-03-05T02:20:30.120Z", "2021-03-05 10:20:30.12"),
        ("2021/3/5 9:05", "2021-03-05 09:05"),
        ("2021.3.5 10:20", "2021-03-05 10:20"),
        ("2021-3-5", "2021-03-05"),
        ("2021年3月5日", "2021-03-05"),
        ("2021年3月5日10:20", "2021-03-05 10:20"),
        ("2021 年 3 月 5 日 10:20", "2021-03-05 10:20"),
        ("２０２１年３月５日", "2021-03-05"),
        ("2021-03-05T10:20:30+08:00", "2021-03-05 10:20:30"),
        ("2021-03-05T02:20:30+0000", "2021-03-05 10:20:30"),
        ("2020-12-31T23:00:00Z", "2021-01-01 07:00"),
        ("1614910800", "2021-03-05 10:20"),
        (1614910800, "2021-03-05 10:20"),
        (1614910800.0, "2021-03-05 10:20"),
        ("1614910800000", "2021-03-05 10:20"),
        (np.int64(1614910800000), "2021-03-05 10:20"),
        (dt.datetime(2021, 3, 5, 10, 20), "2021-03-05 10:20"),
        (dt.date(2021, 3, 5), "2021-03-05"),
    ],
)
def test_times_are_read_as_china_time(cell, time):
    read = values.times(column(cell), where=FILE)
    assert read.tolist() == [pd.Timestamp(time)]
    assert read.dtype == "datetime64[us]"


def test_a_column_of_times_with_a_zone_becomes_china_time():
    stamps = pd.Series(pd.to_datetime(["2020-12-31T23:00Z", None]))
    assert values.times(stamps, where=FILE).tolist() == [pd.Timestamp("2021-01-01 07:00"), pd.NaT]


def test_times_that_are_not_there_are_null():
    read = values.times(column("", "-", None, pd.NaT, np.nan), where=FILE)
    assert read.isna().all()
    assert read.dtype == "datetime64[us]"


@pytest.mark.parametrize(
    "cell",
    [
        "昨天",
        "2021-02-30",
        "2021-13-05",
        "2021-03",
        "20210305",
        "10:20",
        "05/03/2021",
        "44260",
        "2021-03-05 昨天",
        "2021-03-05 24:00",
        "2021-03-055",
        "2021年3月5日 上午",
        "99999999999",
    ],
)
def test_a_time_that_cannot_be_read_names_its_row(cell):
    with pytest.raises(DataError) as error:
        values.times(column("2021-03-05", cell), where=FILE)
    assert str(error.value) == (
        f"{FILE}: row 3 ('{cell}') is not a time (write 2021-03-05 10:20); "
        "correct it or leave it blank"
    )


@given(st.datetimes(min_value=dt.datetime(1992, 1, 1), max_value=dt.datetime(9999, 1, 1)))
def test_every_iso_time_is_read_to_the_microsecond(moment):
    read = values.times(column(moment.isoformat(), moment.isoformat(" ") + "+08:00"), where=FILE)
    assert read.tolist() == [pd.Timestamp(moment)] * 2


@given(st.integers(min_value=1_000_000_000, max_value=9_999_999_999))
def test_epoch_seconds_and_milliseconds_mean_the_same(seconds):
    read = values.times(column(seconds, str(seconds), seconds * 1000, f"{seconds}000"), where=FILE)
    assert read.tolist() == [pd.Timestamp(seconds, unit="s") + pd.Timedelta(hours=8)] * 4


@given(st.text())
def test_any_text_is_a_time_or_an_error_in_one_line(text):
    _, said = read_or_error(values.times, text)
    assert "\n" not in said
    assert said == "" or said.startswith(f"{FILE}: row 2 (")


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (" \ufeff甲\u3000\n", "甲"),
        ("一\r\n二\r三", "一\n二\n三"),
        (4611686018427387905, "4611686018427387905"),
        (2247503214.0, "2247503214"),
        (1.5, "1.5"),
        ("半个\ud83d表情", "半个\ufffd表情"),
        ("整个\ud83d\ude00表情", "整个😀表情"),
    ],
)
def test_texts_are_stripped_and_whole_numbers_keep_their_digits(cell, text):
    assert values.texts(column(cell)).tolist() == [text]


@pytest.mark.parametrize("dtype", ["object", "str"])
def test_blank_texts_are_null(dtype):
    cells = pd.Series(["", " \u3000\n", None, "甲"], dtype=dtype)
    assert values.texts(cells).isna().tolist() == [True, True, True, False]


def test_a_column_of_nothing_is_a_column_of_null_texts():
    read = values.texts(pd.Series([np.nan, np.nan]))
    assert read.isna().all()
    assert read.dtype == "str"
