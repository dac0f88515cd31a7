"""The input generator: `uservisits` CSV shaped like AMPLab's Big Data Benchmark.

In: how many objects, how large, a seed. Out: `part-00000`, `part-00001`, ... in a folder or under
an S3 prefix, as blocks of whole lines, so that memory does not grow with an object's size.

The bytes of object k depend on the seed and on k alone: more objects do not change the first ones,
and a larger object begins with the smaller one's lines. They are the same on every machine and
every Python, because `random.Random(int).getrandbits` is.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import hashlib
import io
import itertools
import random
import re
import struct
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

sys.path.append(str(Path(__file__).resolve().parent.parent / "mr"))

from errors import JobError
from terminal import program

DESCRIPTION = """Write uservisits CSV, shaped like AMPLab's Big Data Benchmark.
The same arguments give the same bytes everywhere.
stdout has one line an object: where it is, a tab, its bytes."""
EXAMPLES = """examples:
  python local/uservisits.py --objects 10 data/
  python local/uservisits.py --objects 29 --size 5MB s3://MY-DATA-BUCKET/uservisits/
  python local/uservisits.py --size 1GiB --seed 7 --profile me --region us-west-2 s3://MY-BUCKET/big
"""

# One row's choices: two halves of the address, URL start, day, revenue; then URL length, user
# agent, place, word and duration. Little-endian, so that every machine reads the same.
_ROW = struct.Struct("<5H5B")
_ROWS_PER_BLOCK = 4096
_SHORTEST_URL, _LONGEST_URL = 10, 100
_FIRST_DAY, _LAST_DAY = datetime.date(1970, 1, 1), datetime.date(2012, 12, 31)

_UNITS = {"": 1, "b": 1}
_UNITS |= {f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)}
_UNITS |= {f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)}

# Some hold a comma, as the real data's do: whoever reads column 4 must not mind.
_USER_AGENTS = (
    "Mozilla/4.0 (compatible; MSIE 5.5; Windows NT 5.0)",
    "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)",
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.0)",
    "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)",
    "Mozilla/5.0 (Windows NT 5.1; rv:2.0) Gecko/20100101 Firefox/4.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:10.0) Gecko/20100101 Firefox/10.0",
    "Mozilla/5.0 (Windows NT 6.1) AppleWebKit/535.1 (KHTML, like Gecko) Chrome/14.0.835.202"
    " Safari/535.1",
    "Mozilla/5.0 (Macintosh; U; PPC Mac OS X; en) AppleWebKit/125.2 (KHTML, like Gecko)"
    " Safari/125.8",
    "Mozilla/3.01 (Macintosh; PPC)",
    "Mozilla/4.08 [en] (Win98; I ;Nav)",
    "Opera/7.54 (Windows NT 5.1; U) [en]",
    "Opera/9.20 (Windows NT 6.0; U; en)",
    "Opera/8.51 (Windows NT 5.1; U; en)",
    "Lynx/2.8.5rel.1 libwww-FM/2.14 SSL-MM/1.4.1",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "msnbot/1.1 (+http://search.msn.com/msnbot.htm)",
)
_LANGUAGE_CODES = (
    "USA-EN USA-ES GBR-EN IRL-EN CAN-EN CAN-FR AUS-EN NZL-EN ZAF-EN IND-EN IND-HI DEU-DE AUT-DE "
    "CHE-DE CHE-FR CHE-IT FRA-FR BEL-FR BEL-NL NLD-NL ITA-IT ESP-ES MEX-ES ARG-ES CHL-ES COL-ES "
    "PER-ES VEN-ES BRA-PT PRT-PT SWE-SV NOR-NO DNK-DA FIN-FI ISL-IS POL-PL CZE-CS SVK-SK HUN-HU "
    "ROU-RO BGR-BG GRC-EL TUR-TR RUS-RU UKR-UK ISR-HE EGY-AR MAR-AR SAU-AR IRN-FA PAK-UR THA-TH "
    "VNM-VI IDN-ID MYS-MS PHL-TL JPN-JA KOR-KO CHN-ZH TWN-ZH HKG-ZH KEN-SW EST-ET LVA-LV LTU-LT"
)
_SEARCH_WORDS = (
    "anchor autumn bakery balloon bicycle blossom bridge butterfly calendar camera candle carpet "
    "castle cathedral cinnamon compass copper cricket crystal dentist diamond dolphin elephant "
    "engine feather festival forest garden glacier granite guitar hammer harbour harvest holiday "
    "honey island jacket jewel kettle kitchen ladder lantern library lighthouse marble meadow "
    "mirror mountain museum needle notebook ocean orchard orchestra oxygen painting parachute "
    "pepper photograph pillow planet pottery rainbow recipe refrigerator river saddle sandwich "
    "satellite sculpture sparrow station strawberry sunflower telescope theatre thunderstorm "
    "umbrella university vegetable violin volcano waterfall weather whisper willow window winter"
)


class TargetError(JobError):
    """The target cannot be written: the message holds the fact, the value and the remedy."""


class S3Target(NamedTuple):
    """A bucket and the prefix before the objects' names, "" for none."""

    bucket: str
    prefix: str


class Written(NamedTuple):
    """One object that is there now: its path or s3:// address, and its bytes."""

    where: str
    size: int


class Pools(NamedTuple):
    """Ready-made column values, so that a row costs a few look-ups.

    `urls` is one long text of letters; a URL is a slice of it. `halves` holds every "a.b" of an
    address and `revenues` 65,536 prices, so both are indexed by 16 bits; `agents`, `places` and
    `words` by 8.
    """

    halves: list[str]
    urls: str
    days: list[str]
    revenues: list[str]
    agents: list[str]
    places: list[str]
    words: list[str]


def generate(seed: int, index: int, size: int) -> Iterator[bytes]:
    """Object number `index` as blocks of whole lines; ends with the line that reaches `size` bytes.

    So it holds at least `size` bytes, and less than one line more; a size of 0 gives no block.
    """
    if size < 1:
        return
    for block in _endless_blocks(_generator(seed, index)):
        if len(block) >= size:
            yield block[: block.index(b"\n", size - 1) + 1]
            return
        yield block
        size -= len(block)


def object_name(index: int) -> str:
    """The benchmark's name of object `index`, from 0: `part-00000`."""
    return f"part-{index:05d}"


def write_folder(folder: Path, objects: int, size: int, seed: int = 1) -> Iterator[Written]:
    """Write each object as it is asked for, and yield it; makes the folder. TargetError."""
    for index in range(objects):
        path = folder / object_name(index)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                written = sum(file.write(block) for block in generate(seed, index, size))
        except OSError as error:
            raise TargetError(
                f"cannot write {path}: {error.strerror}: "
                "name a folder that you may write to and that has room, or s3://BUCKET/PREFIX"
            ) from error
        yield Written(str(path), written)


def write_s3(
    client: Any, target: S3Target, objects: int, size: int, seed: int = 1
) -> Iterator[Written]:
    """Upload each object as it is asked for, and yield it. Errors are boto3's own.

    `client` is a boto3 S3 client. Large objects go up in parts, of which few are in memory.
    """
    from boto3.s3.transfer import TransferConfig

    # S3 takes 10,000 parts at most; the size of a stream is not known to boto3.
    config = TransferConfig(multipart_chunksize=max(8 * 1024**2, size // 9000))
    for index in range(objects):
        key = "/".join(part for part in (target.prefix, object_name(index)) if part)
        stream = BlockStream(generate(seed, index, size))
        # BufferedReader fills every read: boto3 takes a short one for the end.
        client.upload_fileobj(io.BufferedReader(stream), target.bucket, key, Config=config)
        yield Written(f"s3://{target.bucket}/{key}", stream.size)


class BlockStream(io.RawIOBase):
    """Blocks as a file to read, without holding more than one of them; `size` counts the bytes."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.size = 0
        self._blocks = blocks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """True: this is what BufferedReader asks first."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill as much of `buffer` as one block has; the number of bytes, 0 at the end."""
        if not self._rest:
            self._rest = memoryview(next(self._blocks, b""))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        self.size += count
        return count


def parse_size(text: str) -> int:
    """Bytes: "5MB" is 5,000,000, "5MiB" 5,242,880, "5" 5. ArgumentTypeError for anything else."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)", text)
    unit = _UNITS.get(match[2].lower()) if match else None
    if not match or unit is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no size: write a number of bytes, or 500KB, 5MB, 1GB, 64KiB, 5MiB, 1GiB"
        )
    size = int(Decimal(match[1]) * unit)
    if size < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is less than one byte")
    return size


def parse_target(text: str) -> Path | S3Target:
    """A folder, or `s3://bucket/prefix`. ArgumentTypeError for other addresses."""
    match = re.fullmatch(r"s3://([A-Za-z0-9._-]{3,255})(?:/(.*))?", text)
    if match:
        return S3Target(match[1], (match[2] or "").rstrip("/"))
    if not text or "://" in text or text.startswith("s3:"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a folder nor s3://BUCKET/PREFIX with a bucket's name of at least"
            " 3 letters, digits, '.', '_' and '-'"
        )
    return Path(text)


def parse_count(text: str) -> int:
    """A whole number from 1. ArgumentTypeError for anything else."""
    if not re.fullmatch("[0-9]+", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def _generator(*parts: object) -> random.Random:
    """A generator of its own for each combination of parts."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return random.Random(int.from_bytes(digest, "big"))


def _random_bytes(generator: random.Random, count: int) -> bytes:
    return generator.getrandbits(8 * count).to_bytes(count, "little")


def _endless_blocks(generator: random.Random) -> Iterator[bytes]:
    """Blocks of _ROWS_PER_BLOCK lines, for ever."""
    halves, urls, days, revenues, agents, places, words = _pools()
    url_lengths = _LONGEST_URL - _SHORTEST_URL + 1
    while True:
        choices = _ROW.iter_unpack(_random_bytes(generator, _ROW.size * _ROWS_PER_BLOCK))
        yield "".join(
            [
                f"{halves[a]}.{halves[b]},{urls[url : url + _SHORTEST_URL + length % url_lengths]},"
                f"{days[day % len(days)]},{revenues[revenue]},{agents[agent]},{places[place]},"
                f"{words[word]},{1 + duration % 10}\n"
                for a, b, url, day, revenue, length, agent, place, word, duration in choices
            ]
        ).encode("ascii")


@functools.cache
def _pools() -> Pools:
    letters = b"abcdefghijklmnopqrstuvwxyz" * 10
    noise = _random_bytes(_generator("urls"), 2**16 + _LONGEST_URL)
    days = range(_FIRST_DAY.toordinal(), _LAST_DAY.toordinal() + 1)
    return Pools(
        halves=[f"{a}.{b}" for a in range(256) for b in range(256)],
        urls=noise.translate(letters[:256]).decode("ascii"),
        days=[datetime.date.fromordinal(day).isoformat() for day in days],
        # From 0.001 to 1.0: below 0.0001, Python would print an exponent.
        revenues=[str(round(0.001 + 0.999 * step / 65535, 7)) for step in range(65536)],
        agents=_repeated(list(_USER_AGENTS)),
        places=_repeated([f"{code[:3]},{code}" for code in _LANGUAGE_CODES.split()]),
        words=_repeated(_SEARCH_WORDS.split()),
    )


def _repeated(values: list[str]) -> list[str]:
    """The values over and over, 256 in all: any byte is an index."""
    return list(itertools.islice(itertools.cycle(values), 256))


def _s3_client(options: argparse.Namespace) -> Any:
    try:
        from aws.client import Clients  # here: a folder can be written without boto3
    except ImportError as error:
        raise TargetError(
            "boto3 is not installed: run .venv/bin/python, which `make setup` makes"
        ) from error
    return Clients(options.region, options.profile).s3


def _write(options: argparse.Namespace) -> Iterator[Written]:
    amount = (options.objects, options.size, options.seed)
    if isinstance(options.target, S3Target):
        return write_s3(_s3_client(options), options.target, *amount)
    return write_folder(options.target, *amount)


def _write_and_report(options: argparse.Namespace) -> None:
    """Print each object on stdout and, about every twentieth of the way, where we are on stderr."""
    start, total = time.monotonic(), 0
    every = -(-options.objects // 20)
    for count, written in enumerate(_write(options), 1):
        total += written.size
        print(f"{written.where}\t{written.size}", flush=True)
        if count % every == 0 or count == options.objects:
            rate = total / 1e6 / max(time.monotonic() - start, 1e-9)
            print(
                f"{count} of {options.objects} objects, {total / 1e6:.1f} MB, {rate:.0f} MB/s",
                file=sys.stderr,
            )


def make_parser() -> argparse.ArgumentParser:
    """The command line; `main` reads it."""
    parser = argparse.ArgumentParser(
        prog="local/uservisits.py",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("target", type=parse_target, metavar="TARGET", help="a folder, or s3://BUCKET/PREFIX")
    add("--objects", type=parse_count, default=29, help="how many (default %(default)s)")
    size_help = "of each object: bytes, or 500KB, 5MB, 1GiB (default %(default)s)"
    add("--size", type=parse_size, default="5MB", help=size_help)
    add("--seed", type=int, default=1, help="another one gives other rows (default %(default)s)")
    add("--profile", help="AWS profile, for an s3:// target")
    add("--region", help="AWS region, for an s3:// target")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    return program.run(make_parser(), _write_and_report, argv, interrupted)


def interrupted(options: argparse.Namespace) -> str:
    """What a user who ends it early must know."""
    return "stopped; the object that was under way may be cut short"


if __name__ == "__main__":
    raise SystemExit(main())
