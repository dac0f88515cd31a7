"""SpotWrap on the way to Lambda: the wrapped bundle, the library in S3, the table.

In: a function's description with `patched_botocore_dir` and `s3bucket`, the options of setupApps.
Out: its bundle and handler (pure), and, before the functions are deployed, the library zip in the
code bucket and the table in DynamoDB, both made where they are missing. DeployError.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError, WaiterError

import botocorepatch
import bundle
import spotlibrary
from awsclients import NOT_FOUND, Clients, DeployError, error_code, found_or_none
from config import FunctionSpec
from lambdamanager import Desired

HANDLER = "SpotWrap.handleRequest"
HERE = Path(__file__).resolve().parent
MODULES = (
    "SpotWrap",
    "spotwrapper",
    "spotlibrary",
    "spotrecorder",
    "spotrecords",
    "spottable",
)
"""What is zipped with each wrapped function."""

SETTINGS = "spotwrap.json"
MOST_PATIENCE = 30
KEY = {"requestID": "HASH", "ts": "RANGE"}
TYPES = {"requestID": "S", "ts": "N"}


@dataclass(frozen=True)
class Table:
    """SpotWrap's table: its name and its region."""

    name: str
    region: str


@dataclass(frozen=True)
class Library:
    """A patched botocore, as the files of the zip that goes to the code bucket."""

    version: str
    files: dict[str, Path]
    digest: str

    @property
    def key(self) -> str:
        """Where it lies in the bucket: another content has another key."""
        return f"spotwrap/botocore-{self.version}-{self.digest}.zip"

    def code(self) -> bytes:
        """The zip."""
        return bundle.pack({name: path.read_bytes() for name, path in self.files.items()})


@functools.cache
def library(folder: Path) -> Library:
    """The patched botocore in a folder, whatever the folder's name."""
    sources = bundle.entries([folder]).values()
    files = {f"botocore/{path.relative_to(folder).as_posix()}": path for path in sources}
    digest = spotlibrary.digest({name: path.read_bytes() for name, path in files.items()})
    return Library(_version(folder), files, digest)


def _version(folder: Path) -> str:
    lines = (folder / "__init__.py").read_text(encoding="utf-8").splitlines()
    found = [line.partition("=")[2] for line in lines if line.startswith("__version__ =")]
    return found[0].strip().strip("'\"") if found else "unknown"


# --------------------------------------------------------------------------- the bundle


def folder_faults(specs: Iterable[FunctionSpec]) -> Iterator[str]:
    """What is wrong with the folders of the functions that are to be wrapped."""
    for spec in specs:
        if spec.patched_botocore_dir and (fault := botocorepatch.fault(spec.patched_botocore_dir)):
            yield f"{spec.name}: patched_botocore_dir: {fault}"


def lone_buckets(specs: Iterable[FunctionSpec], wanted: Iterable[Desired]) -> Iterator[str]:
    """Functions with `s3bucket` alone, which asks for SpotWrap by half.

    A zip that is too large for Lambda to take directly needs the bucket for itself.
    """
    for spec, function in zip(specs, wanted, strict=True):
        alone = spec.code_bucket and not spec.patched_botocore_dir
        if alone and not function.goes_through_s3:
            yield (
                f"{spec.name}: patched_botocore_dir: SpotWrap needs it beside s3bucket: add it, "
                "leave out both, or pass --no_spotwrap"
            )


def sources() -> list[Path]:
    """The files that are zipped with each wrapped function."""
    return [HERE / f"{name}.py" for name in MODULES]


def settings(spec: FunctionSpec, patched: Path, table: Table, owner: str) -> dict[str, str]:
    """The file that tells a wrapped function what it wraps, by name.

    `owner` is the account that the code bucket must belong to: the functions' own. `patience` is
    how many seconds of the function's time the library, or the table, may keep it waiting.
    """
    value = {
        "handler": spec.handler,
        "library": f"s3://{spec.code_bucket}/{library(patched).key}",
        "owner": owner,
        "patience": max(1, min(spec.timeout // 3, MOST_PATIENCE)),
        "table": table.name,
        "tableRegion": table.region,
    }
    return {SETTINGS: json.dumps(value, indent=2, sort_keys=True)}


# --------------------------------------------------------------------------- in AWS


class SpotWrap:
    """What wrapped functions need in AWS beside themselves.

    `places` are the libraries and the buckets they go to; with `keep` none is uploaded.
    """

    def __init__(
        self, clients: Clients, specs: Iterable[FunctionSpec], table: Table, keep: bool
    ) -> None:
        self.clients = clients
        self.table = table
        self.keep = keep
        self.places = sorted(
            {
                (str(spec.code_bucket), spec.patched_botocore_dir)
                for spec in specs
                if spec.patched_botocore_dir
            }
        )
        same_region = table.region == clients.region
        self.table_clients = clients if same_region else Clients(table.region, clients.profile)

    def check(self) -> None:
        """Look at what is there, before anything is changed. DeployError."""
        for bucket, folder in self.places:
            found = self._bucket_is_there(bucket)
            if self.keep and not (found and self._library_is_there(bucket, library(folder))):
                raise DeployError(
                    f"s3://{bucket}/{library(folder).key} is not there: the patched botocore in "
                    f"{folder} is not the one that was uploaded last; deploy once without "
                    "--no_botocore_change"
                )
        self._table_is_there()

    def plan(self) -> Iterator[str]:
        """What `make` would do."""
        for bucket, folder in self.places:
            found = self._bucket_is_there(bucket)
            if not found:
                yield f"s3://{bucket}: would be made"
            there = found and self._library_is_there(bucket, library(folder))
            what = "unchanged" if there else "would be uploaded"
            yield f"s3://{bucket}/{library(folder).key}: {what}"
        what = "unchanged" if self._table_is_there() else "would be made"
        yield f"table {self.table.name}: {what}"

    def make(self) -> Iterator[str]:
        """Make what is missing; says what was done."""
        s3 = self.clients.client("s3")
        for bucket, folder in self.places:
            if not self._bucket_is_there(bucket):
                self._make_bucket(bucket)
                yield f"s3://{bucket} made"
            kept = library(folder)
            there = self._library_is_there(bucket, kept)
            if not there:
                owner = self.clients.account
                s3.put_object(
                    Bucket=bucket, Key=kept.key, Body=kept.code(), ExpectedBucketOwner=owner
                )
            yield f"s3://{bucket}/{kept.key} {'unchanged' if there else 'uploaded'}"
        if self._table_is_there():
            yield f"table {self.table.name} unchanged"
        else:
            self._make_table()
            yield f"table {self.table.name} in {self.table.region} made"

    def _bucket_is_there(self, bucket: str) -> bool:
        """DeployError where the bucket is someone else's, or in another region."""
        s3 = self.clients.client("s3")
        try:
            answer = s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=self.clients.account)
        except ClientError as error:
            if error_code(error) in ("404", "NoSuchBucket"):
                return False
            if error_code(error) not in ("403", "AccessDenied"):
                raise
            raise DeployError(
                f"bucket {bucket}, which s3bucket names, belongs to another account, or may not "
                f"be used by this one ({self.clients.account}): name another bucket"
            ) from error
        self.clients.check_region(bucket, "s3bucket", answer)
        return True

    def _make_bucket(self, bucket: str) -> None:
        region = self.clients.region
        # us-east-1 has no name here: S3 refuses it.
        where = {} if region == "us-east-1" else {"LocationConstraint": region}
        more = {"CreateBucketConfiguration": where} if where else {}
        try:
            self.clients.client("s3").create_bucket(Bucket=bucket, **more)
        except ClientError as error:
            if error_code(error) == "BucketAlreadyOwnedByYou":
                return
            if error_code(error) != "BucketAlreadyExists":
                raise
            raise DeployError(
                f"bucket {bucket}, which s3bucket names, belongs to someone else: name another"
            ) from error

    def _library_is_there(self, bucket: str, kept: Library) -> bool:
        s3 = self.clients.client("s3")
        found = found_or_none(lambda: s3.head_object(Bucket=bucket, Key=kept.key), "404")
        return found is not None

    def _table_is_there(self) -> bool:
        """DeployError where there is a table of that name with another key."""
        dynamodb = self.table_clients.client("dynamodb")
        found = found_or_none(lambda: dynamodb.describe_table(TableName=self.table.name), NOT_FOUND)
        if found is None:
            return False
        key = {part["AttributeName"]: part["KeyType"] for part in found["Table"]["KeySchema"]}
        if key != KEY:
            raise DeployError(
                f"table {self.table.name} in {self.table.region} has the key {', '.join(key)}, "
                f"not {', '.join(KEY)}: name another with --spotFnsTableName"
            )
        return True

    def _make_table(self) -> None:
        dynamodb = self.table_clients.client("dynamodb")
        try:
            dynamodb.create_table(
                TableName=self.table.name,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in KEY.items()],
                AttributeDefinitions=[
                    {"AttributeName": name, "AttributeType": kind} for name, kind in TYPES.items()
                ],
            )
        except ClientError as error:
            if error_code(error) != "ResourceInUseException":  # someone else is making it
                raise
        try:
            dynamodb.get_waiter("table_exists").wait(
                TableName=self.table.name, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
            )
        except WaiterError as error:
            raise DeployError(f"table {self.table.name} did not become ready: {error}") from error
