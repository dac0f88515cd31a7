r"""A row of CSV, as bytes: its first columns, and numbers; what cannot be read is said by kind.

A ValueError's text is the kind of fault and holds no value, so that rows with the same fault can be
counted together.

Columns are those of RFC 4180: a column in double quotes may hold commas, and a quote as two. It
may not hold a line end here, since objects are cut at line ends, anywhere: the rows on which such
a column begins and ends are bad. Behind the columns that are asked for, bytes do not matter, but
for a quote without a partner, which is the trace of such a column.
"""

from __future__ import annotations

import re

QUOTE = ord('"')
_COLUMN = re.compile(rb'(?:"((?:[^"]|"")*+)"|([^",]*+))(?:,|\Z)')
_NUMBER = re.compile(rb"[ \t]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[ \t]*")
_WHOLE_NUMBER = re.compile(rb"[ \t]*([+-]?[0-9]{1,300})[ \t]*")


def is_plain(block: bytes) -> bool:
    r"""Whether no line of a block has a quote, or a line end but \n: then `split` reads it."""
    return QUOTE not in block and not has_foreign_line_end(block)


def has_foreign_line_end(text: bytes) -> bool:
    r"""Whether a line end is in the text that is not \n, of those that Unicode's report TR 13 has:
    \r, \v, \f, and in UTF-8 U+0085, U+2028 and U+2029.
    """
    if 13 in text or 11 in text or 12 in text:  # a number is found much faster than a text
        return True
    if 0xC2 in text and b"\xc2\x85" in text:
        return True
    return 0xE2 in text and (b"\xe2\x80\xa8" in text or b"\xe2\x80\xa9" in text)


def columns(row: bytes, count: int) -> list[bytes]:
    """The first `count` columns of a row, unquoted. ValueError."""
    if has_foreign_line_end(row):
        raise ValueError(r"a line end inside a row: lines must end with \n, \r\n or \r")
    if QUOTE in row and row.count(b'"') % 2:
        raise ValueError("a quote without a partner: a quoted column must end on its line")
    found = row.split(b",", count)[:count]
    if any(QUOTE in column for column in found):
        return _quoted_columns(row, count)
    if len(found) < count:
        raise ValueError(f"fewer than {count} columns")
    return found


def _quoted_columns(row: bytes, count: int) -> list[bytes]:
    found: list[bytes] = []
    end = 0
    while len(found) < count:
        match = _COLUMN.match(row, end)
        if match is None:
            raise ValueError("a quote inside a column that is not quoted, or behind its end")
        quoted, plain = match.groups()
        found.append(plain if quoted is None else quoted.replace(b'""', b'"'))
        end = match.end()
        if not match[0].endswith(b",") and len(found) < count:
            raise ValueError(f"fewer than {count} columns")
    return found


def number(column: bytes, name: str) -> float:
    """A finite number: sign, digits, fraction and exponent, of which only digits must be there.

    Blanks around it are passed over, as databases do when they load CSV: nothing else can be
    meant. What Python takes besides (nan, inf, 1_000) is no number. ValueError.
    """
    match = _NUMBER.fullmatch(column)
    if match is None:
        raise ValueError(f"the {name} is no number")
    value = float(match[1])
    if value - value:  # nan: it is infinite
        raise ValueError(f"the {name} is too large a number")
    return value


def whole_number(column: bytes, name: str) -> int:
    """A whole number, with a sign and blanks as `number` has them. ValueError."""
    match = _WHOLE_NUMBER.fullmatch(column)
    if match is None:
        raise ValueError(f"the {name} is no whole number")
    return int(match[1])
