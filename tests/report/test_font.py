"""The font that travels inside the page."""

import base64
import io

from fontTools.ttLib import TTFont

from stagemix.report.font import chinese_font, font_for


def test_the_font_has_every_character_of_the_text_and_not_all_of_chinese():
    font = TTFont(io.BytesIO(base64.b64decode(font_for("发布互动服务合作 abc 12%"))))
    held = set(font.getBestCmap())
    assert {ord(c) for c in "发布互动服务合作abc12%"} <= held
    assert len(held) < 60
    assert chinese_font().stat().st_size > 5_000_000
