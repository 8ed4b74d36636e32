"""Lists of names as users write them."""

import re


def names_in(text: str) -> list[str]:
    """Split names by comma, full-width comma or 、; blanks around them do not count."""
    return [name.strip() for name in re.split("[,，、]", text) if name.strip()]
