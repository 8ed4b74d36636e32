"""How one value of an export is read: counts such as 10万+, times, yes and no.

Each function takes a column of any type, with the row numbers of the file as its index, and
returns a typed column; what it cannot read raises DataError with the rows.
"""

import re
import unicodedata

import numpy as np
import pandas as pd

from stagemix.errors import DataError, several

MISSING = {"", "-", "--", "—", "nan", "none", "null", "<na>", "nat", "无"}
UNITS = {"": 1, "万": 10_000, "w": 10_000, "千": 1_000, "k": 1_000, "亿": 100_000_000}
CENSORED_READS = 100_001
_COUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([万w千k亿]?)\s*(\+?)", re.IGNORECASE)
_CHINESE_DATE = re.compile(r"(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日?\s*")
_DATE = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\.?(?!\d)")
_EPOCH = re.compile(r"\d{10}(?:\.\d+)?|\d{13}")
_YES = {"1", "true", "yes", "y", "是", "有", "原创", "1.0"}
_NO = {"0", "false", "no", "n", "否", "0.0", "非原创", "转载"}


def texts(column: pd.Series) -> pd.Series:
    """Strip each text; a blank one is null, and a whole number loses its decimal point."""
    if isinstance(column.dtype, pd.StringDtype):
        stripped = column.str.replace("\r\n?", "\n", regex=True).str.strip("\ufeff \t\n\u3000")
        return stripped.where(stripped != "").astype("str")
    return column.map(_text, na_action="ignore").astype("str")


def _text(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).replace("\r\n", "\n").replace("\r", "\n").strip("\ufeff \t\n\u3000")
    return _whole(text) or np.nan


def _whole(text: str) -> str:
    """TEXT with each half of a cut emoji (which no file can hold) replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def plain(value: object) -> str:
    """One value as text with full-width digits and signs made plain, without blanks around."""
    return unicodedata.normalize("NFKC", str(value)).strip()


def counts(column: pd.Series, *, where: str) -> pd.Series:
    """Read counts: `1,234`, `1.2万`, `3w`, `10万+` (100001, a lower bound); blanks are null."""
    if pd.api.types.is_integer_dtype(column) and not column.lt(0).any():
        return column.astype("Int64")
    return _each(column, _count, where=where, what="a count").astype("Int64")


def _count(value: object) -> int | None:
    text = plain(value).replace(",", "")
    if text.lower() in MISSING:
        return None
    match = _COUNT.fullmatch(text)
    if match is None:
        raise ValueError
    exact = float(match[1]) * UNITS[match[2].lower()]
    if exact >= 2**53 or (not match[2] and not exact.is_integer()):
        raise ValueError
    return round(exact) + 1 if match[3] else round(exact)


def censored(column: pd.Series) -> pd.Series:
    """Tell, for a column of read counts, which are known only to be above 100,000."""
    if pd.api.types.is_numeric_dtype(column):
        return column.eq(CENSORED_READS).fillna(False).astype("bool")
    texts = column.dropna().map(plain)
    marked = texts.str.endswith("+") | texts.map(_count).eq(CENSORED_READS)
    return marked.reindex(column.index, fill_value=False).astype("bool")


def flags(column: pd.Series, *, where: str) -> pd.Series:
    """Read yes and no, in words, digits or 是/否, into a nullable boolean column."""
    return _each(column, _flag, where=where, what="yes or no").astype("boolean")


def _flag(value: object) -> bool | None:
    text = plain(value).lower()
    if text in MISSING:
        return None
    if text in _YES:
        return True
    if text in _NO:
        return False
    raise ValueError


def times(column: pd.Series, *, where: str) -> pd.Series:
    """Read times as China time without a zone, to the microsecond.

    Takes timestamps, texts (`2021-03-05 10:20`, `2021/3/5`, `2021年3月5日`, ISO 8601 with or
    without a zone) and epoch seconds or milliseconds. A time with a zone is converted.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        stamps = column
        if stamps.dt.tz is not None:
            stamps = stamps.dt.tz_convert("Asia/Shanghai").dt.tz_localize(None)
        return stamps.astype("datetime64[us]")
    read = _each(column, _time, where=where, what="a time (write 2021-03-05 10:20)")
    return pd.to_datetime(read).astype("datetime64[us]")


def _time(value: object) -> pd.Timestamp | None:
    if isinstance(value, (int, float, np.integer, np.floating)):
        value = f"{value:.0f}" if value == value else ""
    text = plain(value)
    if text.lower() in MISSING:
        return None
    if _EPOCH.fullmatch(text):
        seconds = float(text) / (1000 if len(text) == 13 and "." not in text else 1)
        stamp = pd.Timestamp(seconds, unit="s", tz="UTC")
    else:
        text = _CHINESE_DATE.sub(lambda m: f"{m[1]}-{m[2]}-{m[3]} ", text).strip()
        date = _DATE.match(text)
        if date is None:
            raise ValueError
        stamp = pd.Timestamp("-".join(date.groups()) + text[date.end() :])
    if stamp.tzinfo is not None:
        stamp = stamp.tz_convert("Asia/Shanghai").tz_localize(None)
    return stamp


def _each(column: pd.Series, read: object, *, where: str, what: str) -> pd.Series:
    out: list[object] = []
    bad: list[str] = []
    for row, value in column.items():
        if pd.api.types.is_scalar(value) and pd.isna(value):
            out.append(None)
            continue
        try:
            out.append(read(value))  # type: ignore[operator]
        except (ValueError, OverflowError):
            out.append(None)
            bad.append(f"row {row} ({str(value)[:40]!r})")
    if bad:
        raise DataError(f"{where}: {several(bad)} is not {what}; correct it or leave it blank")
    return pd.Series(out, index=column.index, dtype="object")
