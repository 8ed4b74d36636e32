"""What the verdicts on merging and alikeness are called in words, English and Chinese."""

from stagemix.merge.converge import Convergence
from stagemix.merge.verdict import CANNOT_TELL, MERGED, REPLACED, TOO_FEW, UP, UPGRADED, YES
from stagemix.mix.limits import ALIKE_CODES, MERGING_CODES
from stagemix.mix.words import Remark

WORDS = {"merging": "融合", "replacement": "替代", "upgrade": "升级", "undecided": "尚不能判断"}
_MERGING = {
    MERGED: Remark(
        en="merging (融合): the stages came together within accounts; diversity within accounts (W) "
        "and of the mean mix (Tot) both rose.",
        zh="融合：各阶段在账号之内走到一起，账号之内的多样性 W 与平均构成的多样性 Tot 都上升。",
    ),
    REPLACED: Remark(
        en="replacement (替代): diversity within accounts (W) and of the mean mix (Tot) both rose, "
        "while accounts sent fewer publish posts a month: other stages took its place.",
        zh="替代：W 与 Tot 都上升，而每个账号每月的发布类推文减少：其他阶段取代了发布。",
    ),
    UPGRADED: Remark(
        en="upgrade (升级): the share above publish rose while the mix within accounts narrowed.",
        zh="升级：高于发布的占比上升，而账号之内的构成变窄。",
    ),
}


def on_merging(found: Convergence) -> Remark:
    """Say what was found on merging; `cannot tell` is never said as a no."""
    if found.word in _MERGING:
        return _MERGING[found.word]
    if found.merging == TOO_FEW:
        return Remark(
            en="merging (融合): too little to decide; " + _too_few(found).en,
            zh="融合：数据太少，尚不能判断；" + _too_few(found).zh,
        )
    u, within, total = (found.measure(n) for n in ("above_publish", "within", "total"))
    if within.verdict == UP and total.verdict != UP and found.alike == YES:
        return Remark(
            en="cannot tell (尚不能判断): diversity within accounts rises only because accounts "
            "became alike.",
            zh="尚不能判断：账号之内的多样性上升，只是因为账号彼此变得相似。",
        )
    if within.verdict == UP:
        return Remark(
            en="cannot tell (尚不能判断): diversity within accounts (W) rose, that of the mean mix "
            "(Tot) is not shown to; accounts that became alike would show the same.",
            zh="尚不能判断：账号之内的多样性 W 上升，但没有证明平均构成的多样性 Tot 上升；"
            "账号彼此变得相似也会如此。",
        )
    if u.verdict == UP:
        return Remark(
            en="cannot tell (尚不能判断): more interaction, service, cooperation, but not shown "
            "inside the average account.",
            zh="尚不能判断：互动、服务、合作增多了，但没有证明发生在平均的账号之内。",
        )
    seen = max(m.mdc for m in (within, total) if m.mdc is not None)
    return Remark(
        en="cannot tell (尚不能判断): no rise of both W and Tot is shown, which is no evidence of "
        f"none; a change of both below {seen:.2f} would mostly not be seen with these codes.",
        zh=f"尚不能判断：没有证明 W 与 Tot 都上升，但这不等于没有上升；用这些编码，小于 {seen:.2f} "
        "的变化多半看不出来。",
    )


def _too_few(found: Convergence) -> Remark:
    if found.too_small:
        return Remark(en=", ".join(found.too_small) + ".", zh="、".join(found.too_small) + "。")
    return Remark(
        en=f"{found.codes} codes of {MERGING_CODES}.",
        zh=f"编码 {found.codes} 篇，至少要 {MERGING_CODES} 篇。",
    )


WEAK_POINT = Remark(
    en="Its weak point: a classifier whose errors drift with an account's own level can look the "
    "same; a few hundred codes do not rule that out.",
    zh="它的弱点：如果分类器的误差随账号自身的水平漂移，也会显得如此；几百篇编码不能排除这一点。",
)


def on_alikeness(found: Convergence) -> Remark:
    """Say what was found on alikeness, and beside a claim its weak point."""
    if found.alike == YES:
        return Remark(
            en="alikeness (趋同): accounts became alike; the tests on shares and on odds both reject. "
            + WEAK_POINT.en,
            zh="趋同：账号之间变得相似，占比与优势比两种检验都拒绝。" + WEAK_POINT.zh,
        )
    if found.alike == CANNOT_TELL:
        return Remark(
            en="alikeness (趋同): cannot tell (尚不能判断); a test that does not reject is no evidence "
            "that accounts did not become alike.",
            zh="趋同：尚不能判断；检验没有拒绝，不等于账号没有变得相似。",
        )
    if found.alike == TOO_FEW:
        few = _too_few(found)
        return Remark(
            en="alikeness (趋同): too little to decide; " + few.en,
            zh="趋同：数据太少，尚不能判断；" + few.zh,
        )
    return Remark(
        en=f"alikeness (趋同): not tested; it needs {ALIKE_CODES} codes, two or more in each account "
        "and period, drawn there with equal chances.",
        zh=f"趋同：未检验；需要 {ALIKE_CODES} 篇编码，每个账号每个时段至少两篇且等概率抽取。",
    )
