"""A codebook: the variables, their categories, and the rules by which people code."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from stagemix.errors import DataError, MissingError, several

LEVELS = ("nominal", "ordinal", "binary", "text", "multiple")
POST, ACCOUNT = "post", "account"
UNITS = (POST, ACCOUNT)
UNCODABLE = "uncodable"
YES, NO = "1", "0"


@dataclass(frozen=True, kw_only=True)
class Category:
    """One value of a variable; `id` is what every file holds, `label` what people read.

    `stage` is the value of the first post variable that a function, of an account or of a post,
    belongs to; blank for every other category.
    """

    id: str
    label: str
    definition: str = ""
    hotkey: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    stage: str = ""


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One question asked of every unit. Categories stand in the order of an ordinal scale.

    A `multiple` variable is kept as one binary variable per category, `functions.also_service`;
    `parts` lists them, and is the variable itself for every other level.
    """

    id: str
    label: str
    level: str
    unit: str = POST
    optional: bool = False
    question: str = ""
    rules: tuple[str, ...] = ()
    categories: tuple[Category, ...] = ()
    uncodable: Category | None = None

    @property
    def values(self) -> tuple[str, ...]:
        """The ids of the categories, in order, without `uncodable`."""
        return tuple(category.id for category in self.categories)

    @property
    def labels(self) -> dict[str, str]:
        """The label of each value, `uncodable` included."""
        return {category.id: category.label for category in self.choices}

    @property
    def choices(self) -> tuple[Category, ...]:
        """All that a coder can choose: the categories, and `uncodable` where it is offered."""
        return self.categories if self.uncodable is None else (*self.categories, self.uncodable)

    @property
    def parts(self) -> tuple["Variable", ...]:
        """The variables that codes are stored by."""
        if self.level != "multiple":
            return (self,)
        yes_no = (Category(id=YES, label="是"), Category(id=NO, label="否"))
        return tuple(
            Variable(
                id=f"{self.id}.{category.id}",
                label=category.label,
                level="binary",
                unit=self.unit,
                optional=self.optional,
                question=category.definition,
                categories=yes_no,
            )
            for category in self.categories
        )

    def value_of(self, text: str) -> str:
        """Return the value that a coder's text means: an id or a label.

        Raises ValueError where it means none.
        """
        if self.level == "text":
            return text
        for category in self.choices:
            if text in (category.id, category.label):
                return category.id
        raise ValueError(text)


@dataclass(frozen=True, kw_only=True)
class Codebook:
    """A versioned set of variables; `note` says what its version changes."""

    id: str
    version: str
    title: str
    variables: tuple[Variable, ...]
    note: str = ""

    def variable(self, name: str | None = None) -> Variable:
        """Return a variable by id, a part of a `multiple` one included.

        Without a name, the first variable that posts are coded by and that has categories.
        Raises DataError where there is no such variable.
        """
        parts = [part for variable in self.variables for part in variable.parts]
        if name is None:
            asked = [v for v in parts if v.unit == POST and v.level != "text"]
        else:
            asked = [v for v in parts if v.id == name]
        if not asked:
            known = several((part.id for part in parts), most=20)
            raise DataError(f"the codebook has no variable {name or 'of posts'}; it has {known}")
        return asked[0]

    def of_unit(self, unit: str) -> tuple[Variable, ...]:
        """The variables asked of a UNIT, post or account, in order."""
        return tuple(v for v in self.variables if v.unit == unit)

    @property
    def post_variables(self) -> tuple[Variable, ...]:
        """The variables asked of posts, in order."""
        return self.of_unit(POST)


def default_codebook() -> Codebook:
    """Return the four-stage codebook that stagemix ships."""
    return read_codebook_text(default_codebook_text(), where="the default codebook")


def default_codebook_text() -> str:
    """Return the default codebook as TOML."""
    file = resources.files("stagemix.codes").joinpath("data/codebook.toml")
    return str(file.read_text("utf-8"))


def read_codebook(path: Path) -> Codebook:
    """Read a codebook file.

    Raises MissingError where there is none, DataError naming the variable that does not fit.
    """
    if not path.is_file():
        raise MissingError(f"{path}: no codebook there; `stagemix init` writes the default one")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8; save the codebook as UTF-8") from None
    return read_codebook_text(text, where=str(path))


def read_codebook_text(text: str, *, where: str) -> Codebook:
    """Read a codebook from TOML; WHERE names it in errors."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{where}: not TOML: {str(error).splitlines()[0]}") from None
    _require(table, ("id", "version"), where=where)
    raw = table.get("variables")
    if not isinstance(raw, list) or not raw:
        raise DataError(f"{where}: no [[variables]]; a codebook has at least one")
    unit = str(table.get("unit", POST))
    variables = tuple(_variable(_table(v, where=where), unit=unit, where=where) for v in raw)
    parts = [part.id for variable in variables for part in variable.parts]
    _unique(
        [*(v.id for v in variables if v.level == "multiple"), *parts], what="variable", where=where
    )
    codebook = Codebook(
        id=str(table["id"]),
        version=str(table["version"]),
        title=str(table.get("title", table["id"])),
        variables=variables,
        note=str(table.get("note", "")),
    )
    _check_stages(codebook, where=where)
    return codebook


def _check_stages(codebook: Codebook, *, where: str) -> None:
    """Each function's stage must be one, or nobody could say what an account reaches by it."""
    stages = next((v.values for v in codebook.post_variables if v.level != "text"), ())
    for variable in codebook.variables:
        for c in variable.categories:
            if c.stage and c.stage not in stages:
                raise DataError(
                    f"{where}: variable {variable.id}: category {c.id} is of the stage {c.stage}, "
                    f"which the first post variable does not have; it has {several(stages)}"
                )


def _variable(table: Mapping[str, object], *, unit: str, where: str) -> Variable:
    _require(table, ("id", "level"), where=f"{where}: a variable")
    name = str(table["id"])
    at = f"{where}: variable {name}"
    level = str(table["level"])
    if level not in LEVELS:
        raise DataError(f"{at}: level {level} is not one of {several(LEVELS)}")
    unit = str(table.get("unit", unit))
    if unit not in UNITS:
        raise DataError(f"{at}: unit {unit} is not one of {several(UNITS)}")
    raw = table.get("categories", [])
    if not isinstance(raw, list):
        raise DataError(f"{at}: categories are written as [[variables.categories]]")
    categories = tuple(_category(item, where=at) for item in raw)
    if level == "binary" and not categories:
        categories = (Category(id=YES, label="是"), Category(id=NO, label="否"))
    least = 0 if level == "text" else 1 if level == "multiple" else 2
    if len(categories) < least:
        raise DataError(f"{at}: {level} needs at least {least} [[variables.categories]]")
    uncodable = _uncodable(table.get("uncodable"), where=at)
    _check_names(categories if uncodable is None else (*categories, uncodable), where=at)
    return Variable(
        id=name,
        label=str(table.get("label", name)),
        level=level,
        unit=unit,
        optional=bool(table.get("optional", False)),
        question=str(table.get("question", "")),
        rules=_texts(table.get("rules"), where=f"{at}: rules"),
        categories=categories,
        uncodable=uncodable,
    )


def _uncodable(raw: object, *, where: str) -> Category | None:
    if raw is None:
        return None
    return _category({"id": UNCODABLE, **_table(raw, where=where)}, where=where)


def _check_names(choices: tuple[Category, ...], *, where: str) -> None:
    """Codes are accepted by id and by label, so each name must mean one category."""
    _unique([c.id for c in choices], what="category", where=where)
    _unique([c.label for c in choices], what="label", where=where)
    _unique([c.hotkey for c in choices if c.hotkey], what="hotkey", where=where)
    odd = [c for c in choices if len(c.hotkey) > 1]
    if odd:
        raise DataError(f"{where}: hotkey {odd[0].hotkey} of {odd[0].id} should be one character")
    ids = {c.id for c in choices}
    crossed = [c for c in choices if c.label != c.id and c.label in ids]
    if crossed:
        c = crossed[0]
        raise DataError(
            f"{where}: the label of {c.id} is {c.label}, the id of another category; change one"
        )


def _category(raw: object, *, where: str) -> Category:
    table = _table(raw, where=where)
    _require(table, ("id",), where=f"{where}: a category")
    name = str(table["id"])
    return Category(
        id=name,
        label=str(table.get("label", name)),
        definition=str(table.get("definition", "")),
        hotkey=str(table.get("hotkey", "")),
        include=_texts(table.get("include"), where=f"{where}: include of {name}"),
        exclude=_texts(table.get("exclude"), where=f"{where}: exclude of {name}"),
        stage=str(table.get("stage", "")),
    )


def _table(raw: object, *, where: str) -> Mapping[str, object]:
    if not isinstance(raw, dict):
        raise DataError(f"{where}: {raw!r} should be a table with an id")
    return raw


def _texts(raw: object, *, where: str) -> tuple[str, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise DataError(f"{where}: should be a list of texts")
    return tuple(str(item) for item in raw)


def _require(table: Mapping[str, object], keys: tuple[str, ...], *, where: str) -> None:
    missing = [key for key in keys if not str(table.get(key, "")).strip()]
    if missing:
        raise DataError(f"{where}: {several(missing)} is missing")


def _unique(names: list[str], *, what: str, where: str) -> None:
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise DataError(f"{where}: {what} {several(sorted(twice))} stands twice")
