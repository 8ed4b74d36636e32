"""A Chinese font for machines that have none: for pictures, and a part of it inside the page."""

import base64
import io
from pathlib import Path


def chinese_font() -> Path:
    """The file of Noto Sans SC (OFL) that is installed with stagemix."""
    import pylopdf_fonts_zh_cn

    return Path(str(pylopdf_fonts_zh_cn.sans_path()))


def font_for(text: str) -> str:
    """The characters of TEXT as a WOFF font in base64, so that a page shows them anywhere."""
    from fontTools import subset

    options = subset.Options(flavor="woff", hinting=False, desubroutinize=True, notdef_outline=True)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=text)
    out = io.BytesIO()
    with subset.load_font(str(chinese_font()), options) as font:
        subsetter.subset(font)
        subset.save_font(font, out, options)
    return base64.b64encode(out.getvalue()).decode("ascii")
