"""Reading the documentation as a program: its command blocks and its help blocks."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def pages() -> list[Path]:
    """Every page of documentation."""
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands_in_sentences(text: str) -> set[str]:
    """The commands that stand between words, as `make demo` does."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    named = re.findall(r"`((?:[\w./-]*/)?(?:python|pip|make|aws|bash|npm)\s[^`]+)`", prose)
    return {" ".join(command.split()) for command in named}


def help_blocks(text: str) -> dict[str, str]:
    """Program -> the help text that stands under its `<!-- help: PROGRAM -->` mark."""
    found = re.findall(r"^<!-- help: (\S+) -->\n```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return dict(found)


def with_help(text: str, program: str, shown: str) -> str:
    """The page with a program's help block replaced."""
    mark = re.escape(f"<!-- help: {program} -->")
    pattern = re.compile(rf"(^{mark}\n```\n).*?(^```$)", re.MULTILINE | re.DOTALL)
    return pattern.sub(lambda match: match[1] + shown + match[2], text)


def rows(text: str, mark: str) -> list[list[str]]:
    """The rows of the table under a `<!-- MARK -->`, without its head: a text a column."""
    table = re.findall(rf"^<!-- {mark} -->\n(?:\|.*\n){{2}}((?:\|.*\n)+)", text, re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in table[0].splitlines()]


def links(text: str) -> list[str]:
    """The targets of the links that lead to files of this repository, without their anchors."""
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [target.split("#")[0] for target in targets if "://" not in target and target[0] != "#"]


def script(blocks: list[str]) -> str:
    """All blocks as one script; each starts in the checkout's folder, and says what it runs."""
    starts = [f'cd "$CHECKOUT"\n{block}' for block in blocks]
    return "set -euo pipefail\n" + "\n".join(starts)
