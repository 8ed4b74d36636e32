"""`stagemix converge`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagemix.cli.mix import CodesOption, ModelOption
from stagemix.cli.output import Format, FormatOption, as_csv, as_json, remark, table

if TYPE_CHECKING:
    from stagemix.mix.converge import Convergence

TITLES = {
    "above_publish": "share above publish (u)",
    "within": "diversity within accounts (W)",
    "total": "diversity of the mean mix (Tot)",
    "evenness": "evenness of the higher stages (Q)",
    "between": "differences between accounts (D)",
}


def command(
    predictions: Annotated[
        Path, typer.Argument(metavar="predictions/NAME", help="The folder of predictions.")
    ],
    by: Annotated[str, typer.Option(help="The account and the period.")] = "account,year",
    codes: CodesOption = None,
    model: ModelOption = None,
    format_: FormatOption = Format.TEXT,
) -> None:
    """Say, per period, how far the stages come together within accounts and how alike accounts are.

    融合 is in u, W and Tot; 趋同 in D. Total = within + between. The values are estimates from the
    coded posts and the classifier together; no change is tested yet.

    Example: stagemix converge predictions/posts --by account,half
    """
    import pandas as pd

    from stagemix.study.folder import codebook_at, find_study
    from stagemix.study.mixing import convergence_of, corrected

    here = Path.cwd()
    source = corrected(
        predictions, codebook=codebook_at(here), model=model, codes=codes, study=find_study(here)
    )
    found = convergence_of(source, by=by)
    if format_ is Format.TEXT:
        _print_for_people(found)
        for line in source.remarks:
            print(line.en)
        return
    for line in source.remarks:
        remark(line.en)
    if format_ is Format.JSON:
        as_json(_as_objects(found))
    else:
        as_csv(
            pd.DataFrame(
                [
                    {"measure": m.name, "period": k, "value": v}
                    for m in found.measures
                    for k, v in m.values.items()
                ]
            )
        )


def _as_objects(found: "Convergence") -> dict[str, object]:
    about = {k: v for k, v in vars(found).items() if k not in ("measures", "codes")}
    return {
        **{m.name: vars(m) for m in found.measures},
        **about,
        "codes": found.codes,
        "accounts": len(found.accounts),
        "periods": len(found.periods),
        "account_names": found.accounts,
        "period_names": found.periods,
    }


def _print_for_people(found: "Convergence") -> None:
    from stagemix.mix.converge import effective_number
    from stagemix.mix.words import words

    by_name = {m.name: m for m in found.measures}
    rows = [
        [
            TITLES[name],
            *(m.values.get(p) for p in found.periods),
            m.change,
            words(m.note, language="en"),
        ]
        for name, m in by_name.items()
        if name != "evenness"
    ]
    within, evenness = by_name["within"].values, by_name["evenness"].values
    if within:
        numbers = [effective_number(within[p]) for p in found.periods]
        rows.append(["effective number of stages, 1/(1-W)", *numbers, None, ""])
    table(["", *found.periods, "change", ""], rows)
    if evenness:
        print(
            f"{TITLES['evenness']}: {evenness['first_half']:.3f} in the first half, "
            f"{evenness['last_half']:.3f} in the last"
        )
    print(
        f"\n{len(found.accounts)} accounts, {len(found.periods)} periods, {found.codes} codes, "
        f"smallest account and period {found.smallest_cell} posts."
    )
    if found.left_out:
        print(f"Left out, without two posts in every period: {', '.join(found.left_out)}")
    if found.too_small:
        print(f"Too little for any claim of change: {', '.join(found.too_small)}.")
    print("The changes are not tested: a difference between periods alone shows nothing.")
