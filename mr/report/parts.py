"""What pages are made of: a frame, a style, data and scripts, put together into one HTML file."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from errors import visible

SHARED = Path(__file__).parent / "shared"
"""Style and script that all pages have, without their suffix."""


def assemble(folder: Path, scripts: Sequence[str], data: Any, texts: Mapping[str, str]) -> str:
    """The whole page; pure but for the reading of its parts.

    `folder` has page.html, a frame with {{places}}, page.css and the scripts; a script finds `data`
    as JSON. `texts` go into places of their own, as text.
    """
    styles = [SHARED.with_suffix(".css"), folder / "page.css"]
    code = [SHARED.with_suffix(".js"), *(folder / script for script in scripts)]
    parts = {
        **{name: html.escape(visible(text)) for name, text in texts.items()},
        "style": "".join(path.read_text(encoding="utf-8") for path in styles),
        # Inside a script element only "<" could end it.
        "data": json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"),
        "script": "".join(path.read_text(encoding="utf-8") for path in code),
    }
    frame = (folder / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], frame)
