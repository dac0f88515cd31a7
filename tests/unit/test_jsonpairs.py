"""The pairs of a JSON object whose text is still coming: the same as json reads."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import BadRecord
from views.jsonpairs import NEAR, read_pairs

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
FORMS = st.sampled_from(
    [{"separators": (",", ":")}, {}, {"indent": 2}, {"ensure_ascii": False, "indent": "\t"}]
)


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


@given(st.dictionaries(st.text(), VALUES, max_size=6), FORMS, st.integers(1, 40))
def test_every_pair_is_read_wherever_the_chunks_are_cut(pairs, form, size) -> None:
    body = f" {json.dumps(pairs, **form)}\n ".encode(errors="surrogatepass")
    assert list(read_pairs(cut(body, size), "k")) == list(pairs.items())


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "", " ", "[1]", "1", '"a"', "{", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', "{,}",
        '{"a" 1}', '{"a":1 "b":2}', '{"a":1]', '{1:2}', '{"a":1}}', '{"a":1} x', "{} {}",
        '{"a":NaN}', '{"a":-Infinity}', '{"a":tru}', '{"a":"\\x"}', '{"a":01}',
        '{"a":' + "[" * 100_000, '{"a":' + "9" * 5000 + "}",
    ],
)  # fmt: skip
def test_what_is_no_object_of_json_is_a_bad_record(text: str, size: int) -> None:
    with pytest.raises(BadRecord, match=r"^k is not JSON"):
        list(read_pairs(cut(text.encode(), size), "k"))


def test_bytes_that_are_no_text_are_a_bad_record() -> None:
    with pytest.raises(BadRecord, match="utf-8"):
        list(read_pairs([b'{"a":"', b'\xff"}'], "k"))


def test_a_fault_ends_the_reading_where_it_stands() -> None:
    chunks = iter([b'{"a":1,"b" 2' + b" " * NEAR, b"never read"])
    with pytest.raises(BadRecord):
        list(read_pairs(chunks, "k"))
    assert next(chunks) == b"never read"


def test_a_pair_comes_before_the_object_is_whole() -> None:
    assert next(read_pairs(iter([b'{"a":1,']), "k")) == ("a", 1)
