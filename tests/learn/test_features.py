import numpy as np
import pytest
from sklearn.base import clone

from stagemix.learn.features import CUES, SurfaceCues, WordSpace, features

TEXTS = ["投票选出你心中的最美", "带身份证到二号窗口办理", "今日空气质量良好", "市政府召开会议"]


def cue(found, name):
    """Log count, rate and whether any, of one cue in the first text."""
    n, i = len(CUES), list(CUES).index(name)
    return found[0, [i, n + i, 2 * n + i]].tolist()


@pytest.mark.parametrize(
    ("name", "text", "times"),
    [
        ("phone", "电话010-62345678，或打12345、13800138000", 3),
        ("entry", "点击链接或扫码，关注公众号", 3),
        ("question", "去哪办？怎么办?", 2),
        ("exclamation", "来吧！快来!", 2),
        ("call to take part", "投票、留言、转发", 3),
        ("way to get done", "带身份证到窗口办理", 3),
        ("date", "3月5日上午9:30", 3),
        ("place", "地点：市民之家；地址见下", 2),
        ("answer", "网友来信：您好", 3),
        ("partner", "与银行联合推出", 2),
        ("steps", "1、登录\n2、填写\n第三步", 3),
        ("digit", "共12户3人", 3),
    ],
)
def test_each_cue_is_counted(name, text, times):
    found = SurfaceCues().fit_transform([text])
    assert found.shape == (1, 3 * len(CUES) + 1)
    expected = [np.log(1 + times), 100 * times / (len(text) + 50), 1.0]
    assert cue(found, name) == pytest.approx(expected)
    assert found[0, -1] == pytest.approx(np.log(1 + len(text)))


def test_a_text_without_cues_and_an_empty_one():
    found = SurfaceCues().fit_transform(["春风又绿", ""])
    assert found[:, :-1].any() == np.False_
    assert found[:, -1].tolist() == [np.log1p(4), 0.0]


def test_no_texts_have_no_rows():
    assert SurfaceCues().fit([]).transform([]).shape == (0, 3 * len(CUES) + 1)


def test_places_in_the_space_have_unit_length():
    placed = WordSpace(dimensions=3).fit(TEXTS).transform([*TEXTS, "完全陌生"])
    assert placed.shape == (5, 3)
    assert np.linalg.norm(placed[:4], axis=1) == pytest.approx(np.ones(4))
    assert placed[4].tolist() == [0, 0, 0]


def test_the_space_is_as_small_as_its_texts():
    assert WordSpace().fit(["办理", "投票"]).transform(["办理"]).shape == (1, 1)


def test_rare_words_are_left_out_of_a_large_space():
    rare = [f"办理 {word}" for word in ("橘子", "葡萄")]
    small = WordSpace(dimensions=2).fit([*rare, *TEXTS])
    large = WordSpace(dimensions=2).fit([*rare, *["办理 投票 会议"] * 100, *TEXTS * 25])
    assert "橘子" in small.words_.vocabulary_
    assert "橘子" not in large.words_.vocabulary_
    assert "办理" in large.words_.vocabulary_


def test_the_same_seed_gives_the_same_numbers():
    one, other = (features(seed=3).fit(TEXTS).transform(TEXTS) for _ in range(2))
    assert (one == other).all()
    assert np.isfinite(one).all()


def test_a_copy_keeps_its_settings():
    assert clone(WordSpace(dimensions=7, seed=2)).get_params() == {"dimensions": 7, "seed": 2}
