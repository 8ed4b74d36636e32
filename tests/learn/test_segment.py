from stagemix.learn.segment import TEXT_LIMIT, versions, words


def test_words_are_jiebas():
    assert words("市政府召开会议部署工作") == ["市政府", "召开", "会议", "部署", "工作"]


def test_blanks_are_no_words():
    assert words("带 身份证\n　办理") == ["带", "身份证", "办理"]
    assert words(" \n　") == []
    assert words("") == []


def test_a_very_long_text_is_cut_off():
    assert "".join(words("好" * (TEXT_LIMIT + 500))) == "好" * TEXT_LIMIT


def test_the_segmenter_is_named_with_its_version():
    named = versions()
    assert named.keys() == {"segmenter", "rjieba"}
    assert named["segmenter"] == "rjieba"
    assert named["rjieba"][0].isdigit()
