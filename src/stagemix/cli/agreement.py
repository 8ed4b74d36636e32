"""The tables that `stagemix agree` prints for people."""

from typing import TYPE_CHECKING

from stagemix.cli.output import p_value, percent, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stagemix.codes.drift import Block
    from stagemix.codes.figures import Figure, Pair
    from stagemix.codes.reliability import Reliability
    from stagemix.codes.settling import Settling

TITLES = {
    "percent_agreement": "percent agreement",
    "alpha_nominal": "Krippendorff's alpha, nominal",
    "alpha_ordinal": "Krippendorff's alpha, ordinal",
    "scott_pi": "Scott's pi",
    "cohen_kappa": "Cohen's kappa",
    "kappa_linear": "Cohen's kappa, linear weights",
    "kappa_quadratic": "Cohen's kappa, quadratic weights",
    "fleiss_kappa": "Fleiss' kappa",
    "gwet_ac1": "Gwet's AC1",
    "gwet_ac2": "Gwet's AC2, ordinal weights",
    "holsti": "Holsti's R (ignores chance)",
    "composite_reliability": "composite reliability CR (ignores chance)",
}
OVERVIEW = (
    "variable", "version", "level", "units", "agreement", "alpha [95% interval]", "P(<.667)",
    "P(<.8)", "differ", "open",
)  # fmt: skip


def print_overview(found: "Sequence[Reliability]", *, open_: "Mapping[str, int]") -> None:
    """One row per variable, version and kind of alpha; OPEN_ are the open disagreements."""
    rows: list[list[object]] = []
    for r in found:
        for figure in r.alphas or (None,):
            level = r.level if figure is None else figure.coefficient.removeprefix("alpha_")
            rows.append(
                [
                    r.variable, r.version, level, r.units, percent(r.value("percent_agreement")),
                    alpha(figure) if figure else "–", below(figure, "below_tentative"),
                    below(figure, "below_reliable"), r.disagreements, open_.get(r.variable),
                ]
            )  # fmt: skip
    table(OVERVIEW, rows)


def alpha(figure: "Figure") -> str:
    """Write an alpha with its interval: 0.812 [0.741, 0.873]."""
    if figure.value is None:
        return "undefined"
    between = figure.interval
    if between is None or between.low is None:
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} [{between.low:.3f}, {between.high:.3f}]"


def below(figure: "Figure | None", name: str) -> str:
    """Write the share of resamples in which alpha is below a threshold."""
    between = None if figure is None else figure.interval
    value = None if between is None else getattr(between, name)
    return p_value(value)


def print_details(found: "Reliability") -> None:
    """Who coded what, the other coefficients, the categories, and each pair of coders."""
    c = found.codability
    print(
        f"\n== {found.variable}, codebook {found.version or 'of no stated version'}, {found.stage}\n"
        f"{found.twice} units coded by two coders or more, {found.single} by one; not coded: "
        + ", ".join(f"{name} {n}" for name, n in found.missing.items())
    )
    if found.uncodable:
        print(
            f"Uncodable, left out as missing: {found.uncodable} codes; of the {found.twice} units "
            f"all say codable {c.all_codable}, all say uncodable {c.all_uncodable}, split {c.split}"
        )
    if not found.figures:
        print(f"{found.reason}: " + ", ".join(f"{k} {v['texts']}" for k, v in found.counts.items()))
        return
    _print_coefficients(found)
    _print_categories(found)
    for pair in found.pairs:
        print_pair(pair, values=list(next(iter(found.counts.values()))))


def _print_coefficients(found: "Reliability") -> None:
    rows = [
        [TITLES[f.coefficient], f.value, f.reason or _note(f)]
        for f in found.figures
        if not f.category
    ]
    table(("coefficient", "value", "note"), rows)


def _note(figure: "Figure") -> str:
    between = figure.interval
    if between is None:
        return ""
    if between.low is None:
        return between.note
    left_out = f", {between.undefined} undefined left out" if between.undefined else ""
    return f"[{between.low:.3f}, {between.high:.3f}], {between.resamples} resamples{left_out}"


def _print_categories(found: "Reliability") -> None:
    rows = []
    for category in found.categories:
        figures = [
            found.figure(name, category=category)
            for name in ("prevalence", "category_agreement", "category_alpha")
        ]
        share, same, own = (None if f is None else f.value for f in figures)
        reason = next((f.reason for f in figures if f is not None and f.reason), "")
        counted = [counts[category] for counts in found.counts.values()]
        rows.append([category, *counted, percent(share), percent(same), own, reason])
    uncodable = [set(counts) - set(found.categories) for counts in found.counts.values()]
    for name in sorted(set().union(*uncodable)):
        counted = [counts[name] for counts in found.counts.values()]
        if not any(counted):
            continue
        rows.append([name, *counted, "–", "–", None, "missing for every coefficient"])
    print()
    table(("category", *found.counts, "prevalence", "agreement", "alpha, one to rest", ""), rows)


def print_pair(pair: "Pair", *, values: "Sequence[str]") -> None:
    """The confusion matrix of two coders with their coefficients."""
    first, second = pair.name.split("/")
    print(f"\n{first} (rows) by {second} (columns)")
    rows = [[name, *counts] for name, counts in zip(values, pair.table, strict=True)]
    table(("", *values), rows)
    figures = [(TITLES[f.coefficient], f.value, f.reason) for f in pair.figures]
    print("; ".join(f"{name} {_number(value, why)}" for name, value, why in figures))


def _number(value: float | None, reason: str) -> str:
    return reason if value is None else f"{value:.3f}"


def print_settling(variable: str, found: "Settling", *, changed_though_agreed: int) -> None:
    """What was settled and changed after the coders had coded; nothing where nothing was."""
    if not (found.units or found.coders_changed or found.late):
        return
    by = ", ".join(f"{name} {n}" for name, n in found.by.items()) or "nobody"
    over = ", ".join(f"{name} {n}" for name, n in found.overruled.items()) or "none"
    print(
        f"\n{variable}: {found.units} units settled (by {by}); first codes that the settled value "
        f"overrules: {over}; settled otherwise though all coders agreed: {changed_though_agreed}; "
        f"codes changed by their own coder later: {found.coders_changed}"
        + (f"; first codes that came after settling, left out: {found.late}" if found.late else "")
    )


def print_drift(variable: str, version: str, found: "Sequence[Block]") -> None:
    """Each coder's stretches of units, in the order coded."""
    if not found:
        return
    print(f"\nDrift: {variable}, codebook {version or 'of no stated version'}")
    shares = list(found[0].shares)
    rows = [
        [
            b.coder, b.block, b.units, percent(b.with_others), percent(b.with_agreed),
            b.reason or f"{b.alpha:.3f}", *(percent(b.shares[name]) for name in shares),
        ]
        for b in found
    ]  # fmt: skip
    headers = ("coder", "block", "units", "as others", "as agreed", "alpha of the block", *shares)
    table(headers, rows)
