"""How `stagemix sample --plan` is printed."""

import math
from dataclasses import fields
from typing import TYPE_CHECKING

from stagemix.cli.output import Format, as_csv, as_json, percent, records, table

if TYPE_CHECKING:
    from stagemix.study.sizes import Sizes


def print_sizes(sizes: "Sizes", format_: Format) -> None:
    """Print how many posts to draw, how many for the test of reliability, and the hours."""
    if format_ is Format.JSON:
        as_json({**_figures(sizes), "accounts": records(sizes.accounts)})
    elif format_ is Format.CSV:
        _print_csv(sizes)
    else:
        _print_text(sizes)


def _figures(sizes: "Sizes") -> dict[str, object]:
    own = [field.name for field in fields(sizes) if field.name != "accounts"]
    each = None if sizes.hours is None else sizes.hours / sizes.coders
    return {
        **{name: getattr(sizes, name) for name in own},
        "every_account": sizes.every_account,
        "hours_per_coder": each,
    }


def _print_csv(sizes: "Sizes") -> None:
    import pandas as pd

    rows = [(name, "", value) for name, value in _figures(sizes).items()]
    for name in ("posts", "needed"):
        values = zip(sizes.accounts["account"], sizes.accounts[name], strict=True)
        rows += [(f"account_{name}", account, value) for account, value in values]
    as_csv(pd.DataFrame(rows, columns=["figure", "account", "value"], dtype="object"))


def _print_text(sizes: "Sizes") -> None:
    within = f"a share of {percent(sizes.share)} within {100 * sizes.width:g} points (95% interval)"
    table(["account", "posts", "needed"], sizes.accounts.to_numpy().tolist())
    print(
        f"\nTo know {within}: {sizes.overall:,} of {sizes.posts:,} posts for the share of all; for "
        f"every account's own share {sizes.every_account:,}, as above."
    )
    print("Hand codes alone and a simple random sample; strata and a classifier narrow it.")
    print(
        f"{sizes.planned:,} posts give that share within {100 * sizes.half_width:.1f} points; the "
        "rest is said of so many."
    )
    _print_reliability(sizes)
    _print_hours(sizes)
    print("Nothing was drawn.")


def _print_reliability(sizes: "Sizes") -> None:
    if sizes.coders < 2:
        print("One coder: no reliability can be computed; name two or more.")
        return
    print(
        f"Reliability: at least {sizes.reliability:,} of them coded by every coder, to be 95% sure "
        f"that agreement is {percent(sizes.least)} or more where {percent(sizes.agreement)} is "
        "found (Lacy & Riffe 1996)."
    )
    if sizes.shared < sizes.reliability:
        enough = math.ceil(100 * sizes.reliability / sizes.planned - 1e-9) / 100
        print(f"--overlap {sizes.overlap:g} gives {sizes.shared:,}; take --overlap {enough:g}.")


def _print_hours(sizes: "Sizes") -> None:
    codings = f"{sizes.codings:,} times a coder codes a post ({sizes.coders} coders, --overlap "
    codings += f"{sizes.overlap:g})"
    if sizes.hours is None:
        print(f"{codings}. Hours: not known yet; no code of this study says how long it took.")
        return
    print(
        f"{codings}: {sizes.hours:.1f} hours, {sizes.hours / sizes.coders:.1f} for each, at the "
        f"median of {sizes.seconds:.0f} seconds a post ({sizes.timed:,} timed so far)."
    )
