"""Every text of the coding page, in Chinese and English."""

from typing import Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, Language] = ("zh", "en")

WORDS: dict[str, tuple[str, str]] = {
    # everywhere
    "coding": ("编码", "Coding"),
    "language": ("English", "中文"),
    "no_link": (
        "这里没有可看的内容。请打开负责人发给你的个人链接；链接失效了，就请负责人重新发一个。",
        "There is nothing to see here. Open the personal link that the lead of the study sent you; "
        "where it no longer works, ask for a new one.",
    ),
    "no_such_page": ("没有这个页面。", "There is no such page."),
    # purposes and kinds of rounds
    "training": ("培训", "training"),
    "pilot": ("试编", "pilot"),
    "reliability": ("信度检验", "reliability"),
    "final": ("正式编码", "final"),
    "check": ("核查（挑选，非随机）", "check (chosen, not random)"),
    # the coder's page
    "rounds": ("轮次", "Rounds"),
    "your_rounds": ("你的编码任务", "Your rounds"),
    "nothing_given": (
        "现在没有分给你的编码任务。",
        "No round gives you anything to code at present.",
    ),
    "begin": ("开始", "Begin"),
    "go_on": ("继续", "Go on"),
    "review": ("查看和更正", "Look through and correct"),
    "coded_of": ("已编 {done} / {given}", "{done} of {given} coded"),
    "again_offer": (
        "规则改过，{n} 条可能受影响，可以再看一遍",
        "{n} may be concerned by a changed rule: look again",
    ),
    "first_code_counts": (
        "你的每一个编码都会留下记录，更正也不会抹去先前的。信度用的是你独立作出的第一个编码；"
        "只有刚按错、还没编下一条时的“撤销”不算。",
        "Each of your codes stays on record, and a correction does not erase the one before. "
        "Reliability uses your first independent code; only a slip undone before the next code does not count.",
    ),
    "original": ("查看原文", "Open the original"),
    "no_text": ("（没有正文）", "(no text)"),
    "links": ("正文含 {n} 个网址", "{n} web addresses in the text"),
    "rules": ("规则与示例", "Rules and examples"),
    "search_rules": ("在规则中查找", "Search the rules"),
    "nothing_found": ("没有找到", "Nothing found"),
    "include": ("包括", "Includes"),
    "exclude": ("不包括", "Excludes"),
    "memo": ("备注", "Memo"),
    "confidence": ("把握", "Confidence"),
    "unsure": ("拿不准", "unsure"),
    "fairly": ("较有把握", "fairly sure"),
    "sure": ("很有把握", "sure"),
    "optional": ("可不答", "optional"),
    "tick_all": ("可多选", "tick all that apply"),
    "save_next": ("保存，下一条", "Save, next"),
    "previous": ("上一条", "Previous"),
    "next": ("下一条", "Next"),
    "next_open": ("下一条未编的", "Next uncoded"),
    "undo": ("撤销", "Undo"),
    "all_saved": ("都已保存", "all saved"),
    "sending": ("正在保存 {n} 条", "saving {n}"),
    "progress": ("已编 {done} / {given}", "{done} of {given} coded"),
    "pace": ("每条约 {seconds} 秒，约剩 {left}", "about {seconds} s each, about {left} left"),
    "hours": ("{n} 小时", "{n} h"),
    "minutes": ("{n} 分钟", "{n} min"),
    "loading": ("正在读取……", "Loading …"),
    "not_loaded": (
        "这一条还没有读到：连接断了。已作的编码都在本机，连上后会自动保存。",
        "This one is not loaded: the connection is lost. Your codes are kept here and will be saved "
        "when it is back.",
    ),
    "finished": ("这一轮都编完了，谢谢！", "This round is finished. Thank you!"),
    "finished_hint": (
        "可以返回上一条检查，或回到轮次列表。",
        "You can go back and look through, or return to the rounds.",
    ),
    "offline": (
        "连接断了。{n} 条编码暂存在本机浏览器里，连上后会自动保存；请不要清除浏览器数据。",
        "The connection is lost. {n} codes are kept in this browser and will be saved when it is back; "
        "do not clear the browser's data.",
    ),
    "not_kept": (
        "这个浏览器不允许暂存，保存完成前请不要关闭页面。",
        "This browser does not let the page keep anything: do not close it before all is saved.",
    ),
    "leave_link": (
        "登录已失效。请重新打开你的个人链接；未保存的 {n} 条编码仍在本机，打开后会自动保存。",
        "You are no longer logged in. Open your personal link again; {n} codes wait in this browser "
        "and will be saved then.",
    ),
    "refused": ("有 {n} 条编码没有被接受：{why}", "{n} codes were not accepted: {why}"),
    "look_again": ("回到那一条", "Go back to it"),
    "disk": (
        "负责人的电脑暂时写不了（{why}）。{n} 条编码暂存在本机，会自动再试。",
        "The lead's machine cannot write at present ({why}). {n} codes are kept here and will be tried "
        "again.",
    ),
    "undone": ("已撤销，请重新编码", "Undone: code it again"),
    "corrects": (
        "这一条你编过，再编一次会作为更正存下，先前的编码仍在记录里",
        "You coded this one; another code is stored as a correction, and the earlier one stays on "
        "record",
    ),
    "cannot_undo": (
        "只能撤销刚才的一次；更早的请返回那一条更正",
        "Only the last code can be undone; go back and correct earlier ones",
    ),
    "answer_first": ("请先回答：{label}", "Answer first: {label}"),
    "keys": (
        "按键：数字编码 · u 撤销 · ← → 前后 · m 备注 · c 把握 · / 查规则 · Enter 保存，下一条",
        "Keys: digits code · u undo · ← → back and on · m memo · c confidence · / rules · Enter saves, "
        "next",
    ),
    "about_posts": ("推文数", "posts"),
    # why a save is refused
    "not_yours": ("它没有分给你，或轮次已变动", "it is not given to you, or the round has changed"),
    "other_version": (
        "编码表有了新版本，请按新规则再编一次",
        "the codebook has a new version; code it again by the new rules",
    ),
    "other_answers": (
        "同一次保存的内容不一致，请再编一次",
        "the same save came with other answers; code it again",
    ),
    "unknown_variable": ("编码表里没有这个变量", "the codebook has no such variable"),
    "unknown_value": ("编码表里没有这个取值", "the codebook has no such value"),
    "not_answered": ("有变量没有回答", "a variable was not answered"),
    "not_the_last": ("只能撤销最后一次", "only the last save can be undone"),
    "bad_request": ("内容的格式不对", "its form is not right"),
    # the lead's page
    "lead": ("负责人", "Lead"),
    "lead_title": ("编码进度", "The coding"),
    "unit": ("单位", "Unit"),
    "post": ("推文", "posts"),
    "account": ("账号", "accounts"),
    "drawn": ("抽取", "Drawn"),
    "who": ("谁编什么", "Who codes what"),
    "by_all": ("{n} 条由全部编码员编", "{n} by every coder"),
    "by_one": ("{n} 条由一人编", "{n} by one coder each"),
    "design": ("抽样", "Design"),
    "simple": ("简单随机", "simple random"),
    "stratified": ("分层随机", "stratified random"),
    "census": ("全部", "every one"),
    "chosen": ("挑选，非随机", "chosen, not random"),
    "coder": ("编码员", "Coder"),
    "given": ("分到", "Given"),
    "done": ("已编", "Coded"),
    "left": ("未编", "Left"),
    "changed": ("更正", "Corrected"),
    "withdrawn": ("撤销", "Undone"),
    "median_seconds": ("每条秒数（中位数）", "Seconds each (median)"),
    "last_code": ("最近编码", "Last code"),
    "agreement": ("一致性", "Agreement"),
    "agreement_hint": (
        "由各编码员独立作出的第一个编码计算，编码员看不到。未编完时只作参考，不要据此中途调整。",
        "From each coder's first independent code; coders do not see it. Before a round is finished it "
        "is for orientation only.",
    ),
    "after_discussion": ("讨论后（不是信度）", "After discussion (not reliability)"),
    "variable": ("变量", "Variable"),
    "version": ("版本", "Version"),
    "units": ("单位数", "Units"),
    "percent": ("一致率", "Percent"),
    "interval": ("95% 区间", "95 % interval"),
    "disagreements": ("分歧", "Disagreements"),
    "open": ("待裁定", "Open"),
    "no_disagreements": ("没有待裁定的分歧。", "No disagreement is open."),
    "settle": ("裁定", "Settle"),
    "settled_by": ("由谁裁定", "Settled by"),
    "by_consensus": ("讨论一致", "consensus"),
    "by_third": ("第三人（写姓名）", "a third person (name)"),
    "reason": ("理由", "Reason"),
    "value": ("取值", "Value"),
    "need_reason": ("请选取值并写理由。", "Choose a value and give the reason."),
    "need_name": ("请写裁定者的姓名。", "Give the name of the person who settles."),
    "when": ("时间", "When"),
    "first_code": ("第一个编码", "First code"),
    "later_code": ("现在的编码", "Present code"),
    "offer_check": ("核查：账号是否达到某一阶段", "Check whether accounts reach a stage"),
    "offer_hint": (
        "说一个账号达到某一阶段，要有人编过的推文为据。这里为还没有见到该阶段的每个账号取分类器打分最高、"
        "还没有人编过的推文，交给编码员核查。它们是挑选的，不是随机抽取的：不进入占比的估计，只用来确认“见到”。",
        "That an account reaches a stage must rest on posts that people coded. This takes, of each account "
        "in which the stage was not seen yet, the posts that the classifier scores highest and nobody coded. "
        "They are chosen and not random: they enter no share and only confirm that a stage was seen.",
    ),
    "stage": ("阶段", "Stage"),
    "each_account": ("每个账号几篇", "Posts of each account"),
    "round_name": ("轮次名称（可不填）", "Name of the round (optional)"),
    "make_round": ("生成核查轮次", "Make the round"),
    "people": ("编码员与链接", "Coders and links"),
    "people_hint": (
        "每位编码员一个个人链接，谁有链接谁就能以其身份编码，请单独发送。新链接一经生成，旧的即失效。",
        "Each coder has a personal link; who holds it codes as that person, so send it to them alone. A "
        "new link ends the old one.",
    ),
    "link": ("链接", "Link"),
    "has_link": ("有链接，生成于 {when}", "has a link, made {when}"),
    "without_link": ("没有链接", "no link"),
    "make_link": ("生成新链接", "Make a new link"),
    "revoke": ("停用链接", "Revoke"),
    "new_link": (
        "{name} 的新链接，只显示这一次：",
        "The new link of {name}, shown this once:",
    ),
    "drift": ("编码漂移", "Drift"),
    "drift_hint": (
        "每位编码员按编码先后分成几段：与他人（或裁定结果）一致的比例，以及各类的比例。",
        "Each coder's codes in the order made, in blocks: how many agree with the others (or with what "
        "was settled), and the share of each category.",
    ),
    "block": ("段", "Block"),
    "agrees_others": ("与其他编码员一致", "Agree with other coders"),
    "agrees_agreed": ("与裁定或一致的编码一致", "Agree with what is settled"),
    "codebook": ("编码表", "Codebook"),
    "version_codes": ("{n} 个编码", "{n} codes"),
    "changed_rules": ("与现行版本不同之处", "What differs in the present version"),
    "second_look": ("可再看一遍", "Offered for a second look"),
    "codebook_error": ("编码表", "Codebook"),
    "no_rounds": (
        "还没有轮次。用 stagemix sample 抽取。",
        "There are no rounds yet; draw one with `stagemix sample`.",
    ),
    "of": ("第 {i} / {n} 条", "{i} of {n}"),
    "rule_changed": ("问题、规则或类别改过", "question, rules or categories changed"),
    "values_changed": ("定义改过的取值：{values}", "values defined in other words: {values}"),
    "alpha_nominal": ("名义", "nominal"),
    "alpha_ordinal": ("次序", "ordinal"),
    "undefined: no unit has two codes": ("没有两人编过的单位", "no unit has two codes"),
    "undefined: no variation, all codes are of one category": (
        "编码没有变化（都是同一类）",
        "no variation: every code is the same",
    ),
    "none": ("无", "none"),
    "undefined": ("无法计算", "undefined"),
    "threshold": (
        "Krippendorff (2004)：α ≥ .800 可靠；.667 ≤ α < .800 只可作尝试性结论。",
        "Krippendorff (2004): alpha of .800 or more is reliable, .667 to .800 allows tentative "
        "conclusions only.",
    ),
}


def words_in(language: Language) -> dict[str, str]:
    """Every text in one language, by its key."""
    place = LANGUAGES.index(language)
    return {key: pair[place] for key, pair in WORDS.items()}
