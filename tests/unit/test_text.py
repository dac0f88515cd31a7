"""Bytes as text: the byte-order mark is none of it, and every line end is the same."""

from __future__ import annotations

import codecs
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import JobError
from inputs import text

ROW = "10.0.0.1,u,d,1.5,agent\n"
CHUNKS = st.lists(
    st.sampled_from([b"", b"a", b"\r", b"\n", b"\r\n", b"b\r", b"\nc", b"\n\r", b"\r\r"])
)


@given(chunks=CHUNKS)
def test_every_line_end_becomes_the_same_whatever_the_chunks(chunks) -> None:
    made = b"".join(text.newlines(chunks))
    assert made == re.sub(rb"\r\n|\r", b"\n", b"".join(chunks))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
def test_the_mark_of_utf_8_is_no_part_of_the_text(size: int) -> None:
    body = codecs.BOM_UTF8 + ROW.encode()
    chunks = (body[at : at + size] for at in range(0, len(body), size))
    assert b"".join(text.without_mark(chunks, "in/x")) == ROW.encode()


@pytest.mark.parametrize("body", [b"", b"a", b"\xef\xbb", b"a\xef\xbb\xbfb", b"\xff\xfe.1,u,d,1\n"])
def test_what_is_no_mark_stays(body: bytes) -> None:
    assert b"".join(text.without_mark([body], "in/x")) == body


def test_of_two_marks_one_is_taken() -> None:
    assert b"".join(text.without_mark([codecs.BOM_UTF8 * 2], "in/x")) == codecs.BOM_UTF8


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-be", "utf-32-be"])
def test_utf_16_and_utf_32_are_refused_by_name(encoding: str) -> None:
    mark = "\ufeff" if encoding.endswith("be") else ""
    with pytest.raises(JobError, match=r"in/x is UTF-16 or UTF-32.*iconv"):
        list(text.without_mark([(mark + ROW).encode(encoding)], "in/x"))
