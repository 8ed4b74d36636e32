"""How far the coding of a round has come, said wherever its codes are used."""

from dataclasses import dataclass

import pandas as pd

from stagemix.codes.agreed import SINGLE, agreed_codes
from stagemix.codes.rounds import Round, read_round
from stagemix.codes.store import CodeStore
from stagemix.mix.words import Remark
from stagemix.study.folder import Study


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Posts of a round for one variable: `drawn` = `agreed` + `open` + `uncoded`.

    `waiting` of the agreed were given to several coders and have one code so far.
    """

    drawn: int
    agreed: int
    open: int
    uncoded: int
    waiting: int
    changed_though_agreed: int

    @property
    def remark(self) -> Remark | None:
        """What is missing, in words; None where nothing is."""
        if not (self.open or self.uncoded or self.waiting):
            return None
        return Remark(
            en=f"The coding is not finished: of {self.drawn} drawn posts {self.agreed} have a code, "
            f"{self.uncoded} have none, {self.open} disagreements are open, {self.waiting} wait "
            "for another coder. What is missing is not missing by chance.",
            zh=f"编码尚未完成：抽出 {self.drawn} 篇，已有编码 {self.agreed} 篇，未编码 {self.uncoded} 篇，"
            f"未裁定的分歧 {self.open} 篇，等待另一位编码员 {self.waiting} 篇。缺的不是随机缺失。",
        )


def standing(study: Study, *, round_: str, variable: str) -> Standing:
    """Count how far a round is coded for a variable."""
    drawn = read_round(round_, study.rounds)
    return standing_of(drawn, CodeStore(study.coding).codes(round_), variable=variable)


def standing_of(drawn: Round, codes: pd.DataFrame, *, variable: str) -> Standing:
    """Count how far a round is coded, from its codes as the store gives them."""
    found = agreed_codes(codes, variable=variable)
    several = drawn.units.loc[drawn.units["coders"].str.contains(";"), "unit"]
    alone = found.codes.loc[found.codes["how"] == SINGLE, "unit"]
    agreed, open_ = len(found.codes), len(found.open)
    return Standing(
        drawn=len(drawn.units),
        agreed=agreed,
        open=open_,
        uncoded=len(drawn.units) - agreed - open_,
        waiting=int(several.isin(alone).sum()),
        changed_though_agreed=found.changed_though_agreed,
    )
