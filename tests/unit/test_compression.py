"""Compressed input: what is unpacked how, in bounded pieces, and what is an error."""

from __future__ import annotations

import bz2
import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import JobError
from inputs import packing
from inputs import packing as compression


def zstd_or_skip():
    try:
        return packing._zstd()
    except JobError:
        pytest.skip("neither Python 3.14 nor backports.zstd is here: zstd is NOT tested")


def packed(how: str, data: bytes) -> bytes:
    if how == "gzip":
        return gzip.compress(data, mtime=0)
    return bz2.compress(data) if how == "bzip2" else zstd_or_skip().compress(data)


def unpacked(body: bytes, how: str, size: int = 1000) -> bytes:
    chunks = (body[at : at + size] for at in range(0, len(body), size))
    return b"".join(packing.unpack(chunks, how, "in/x"))


@pytest.mark.parametrize(
    ("key", "encoding", "expected"),
    [
        ("a/part-1", None, ""),
        ("a/part-1.gz", None, "gzip"),
        ("a/part-1.bz2", None, "bzip2"),
        ("a/part-1.zst", "", "zstd"),
        ("a.gz/part-1", None, ""),
        ("a/part-1", "gzip", "gzip"),
        ("a/part-1", "GZIP", "gzip"),
        ("a/part-1", "aws-chunked,zstd", "zstd"),
        ("a/part-1", "aws-chunked", ""),
        ("a/part-1", "identity", ""),
        ("a/part-1.gz", "gzip", "gzip"),
        ("a/A.CSV.GZ", None, "gzip"),
        ("a/A.Bz2", None, "bzip2"),
        ("a/.gz", None, "gzip"),
        ("a/gz", None, ""),
        ("a/part-1", "utf-8", ""),
        ("a/part-1", "UTF8", ""),
        ("a/part-1", "iso-8859-1", ""),
        ("a/part-1", "windows-1252", ""),
        ("a/part-1", "text/csv; charset=utf-8", ""),
        ("a/part-1", "undefined", ""),
        ("a/part-1", "binary", ""),
        ("a/part-1.gz", "utf-8", "gzip"),
        ("a/part-1", "gzip,utf-8", "gzip"),
    ],
)
def test_the_packing_is_that_of_the_encoding_or_of_the_suffix(key, encoding, expected) -> None:
    assert packing.packing(key, encoding) == expected


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("br", "Content-Encoding br"),
        ("deflate", "Content-Encoding deflate"),
        ("zip", "Content-Encoding zip"),
        ("gzip, zstd", "more than once"),
    ],
)
def test_a_packing_that_cannot_be_read_is_an_error(encoding, message) -> None:
    with pytest.raises(JobError, match=message):
        packing.packing("a/part-1", encoding)


@pytest.mark.parametrize("how", ["gzip", "bzip2", "zstd"])
@settings(deadline=None)
@given(parts=st.lists(st.binary(max_size=300), min_size=1, max_size=4), size=st.integers(1, 400))
def test_streams_one_after_another_are_unpacked_whatever_the_chunks(how, parts, size) -> None:
    body = b"".join(packed(how, part) for part in parts)
    assert unpacked(body, how, size) == b"".join(parts)


@pytest.mark.parametrize("how", ["gzip", "bzip2", "zstd"])
def test_what_was_packed_a_thousandfold_comes_in_small_pieces(how) -> None:
    body = packed(how, bytes(20_000_000))
    pieces = list(packing.unpack([body], how, "in/x"))
    assert sum(map(len, pieces)) == 20_000_000
    assert max(map(len, pieces)) <= packing.OUT_BYTES


@pytest.mark.parametrize("how", ["gzip", "bzip2", "zstd"])
def test_a_stream_that_is_cut_short_anywhere_is_an_error(how) -> None:
    body = packed(how, bytes(range(256)) * 20)
    for length in range(1, len(body)):
        with pytest.raises(JobError, match=r"in/x is (cut short|no)"):
            unpacked(body[:length], how)


@pytest.mark.parametrize("how", ["gzip", "bzip2", "zstd"])
@pytest.mark.parametrize("body", [b"plain text\n", b"\x1f\x8bnot gzip after all"])
def test_bytes_that_are_no_such_stream_are_an_error(how, body) -> None:
    if how == "zstd":
        zstd_or_skip()
    with pytest.raises(JobError, match=f"in/x is (no {how} stream|cut short)"):
        unpacked(body, how)


def test_a_window_of_zstd_that_is_too_large_is_named() -> None:
    zstd = zstd_or_skip()
    option = zstd.CompressionParameter
    wide = {option.window_log: 28, option.enable_long_distance_matching: 1}
    packer = zstd.ZstdCompressor(options=wide)
    body = packer.compress(b"a,u,d,1\n" * 1000) + packer.flush()
    with pytest.raises(JobError, match="in/x needs a zstd window of more than 128 MiB"):
        unpacked(body, "zstd")


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("in/a.zip", "an archive"),
        ("in/a.TAR", "an archive"),
        ("in/a.tar.gz", "an archive"),
        ("in/a.Tar.Bz2", "an archive"),
        ("in/a.tgz", "an archive"),
        ("in/a.7z", "an archive"),
        ("in/a.rar", "an archive"),
        ("in/a.snappy.parquet", "export it as CSV"),
        ("in/a.parquet.gz", "export it as CSV"),
        ("in/a.orc", "export it as CSV"),
        ("in/a.AVRO", "export it as CSV"),
        ("in/a.csv.xz", "pack it as .gz"),
        ("in/a.csv.Z", "pack it as .gz"),
        ("in/a.csv", ""),
        ("in/a.csv.gz", ""),
        ("in/a.zip/part-0", ""),
        ("in/zip", ""),
        ("in/tar.gz", ""),
        ("in/a.2024", ""),
        ("in/example.com.br", ""),
    ],
)
def test_what_cannot_be_read_is_told_by_its_name(key: str, message: str) -> None:
    found = packing.unreadable(key)
    assert message in found
    assert bool(found) == bool(message)


def test_an_empty_object_is_empty_and_padding_is_passed_over() -> None:
    assert unpacked(b"", "gzip") == b""
    assert unpacked(packed("gzip", b"a\n") + bytes(600), "gzip") == b"a\n"


def test_zstd_without_a_library_is_an_error_with_the_remedy(monkeypatch) -> None:
    monkeypatch.setattr(compression, "ZSTD_MODULES", ("no_such_zstd",))
    with pytest.raises(JobError, match=r"backports\.zstd.*scns\.json"):
        unpacked(b"x", "zstd")
