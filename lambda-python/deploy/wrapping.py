"""SpotWrap on the way to Lambda: the wrapped bundle, the library in S3, the table.

In: a function's description with `patched_botocore_dir` and `s3bucket`, the options of setupApps.
Out: its bundle and handler (pure), and the steps that make what wrapped functions need in AWS: the
library zip in the code bucket and the table in DynamoDB. DeployError.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from botocore.exceptions import ClientError, WaiterError

from aws.client import error_code, is_denied
from deploy import botocorepatch, bundle
from deploy.clients import NOT_FOUND, Clients, DeployError, found_or_none
from deploy.config import FunctionSpec
from deploy.function import Desired
from deploy.steps import Step
from spotwrap.library import MOST_BYTES, digest
from spotwrap.settings import FILE, Address, Settings
from spotwrap.table import KEY

HANDLER = "SpotWrap.handleRequest"
ROOT = Path(__file__).resolve().parents[1]
MOST_PATIENCE = 30


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

    def address(self, bucket: str) -> Address:
        """Where it lies in a bucket."""
        return Address(bucket, self.version, self.digest)

    def is_too_large(self) -> bool:
        """Whether a function would refuse to unpack it."""
        return sum(path.stat().st_size for path in self.files.values()) > MOST_BYTES

    def code(self) -> bytes:
        """The zip."""
        return bundle.pack({name: path.read_bytes() for name, path in self.files.items()})


@functools.cache
def library(folder: Path) -> Library:
    """The patched botocore in a folder, whatever the folder's name."""
    sources = bundle.entries([folder]).values()
    files = {
        f"botocore/{path.relative_to(folder).as_posix()}": path
        for path in sources
        if path.name != botocorepatch.LIST_NAME
    }
    found = digest({name: path.read_bytes() for name, path in files.items()})
    return Library(_version(folder), files, found)


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
        elif spec.patched_botocore_dir and library(spec.patched_botocore_dir).is_too_large():
            yield (
                f"{spec.name}: patched_botocore_dir: {spec.patched_botocore_dir} has more than "
                f"{MOST_BYTES:,} bytes: patch a botocore with fewer --services"
            )


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


def files() -> dict[str, Path]:
    """What is zipped with each wrapped function, by the names in the zip."""
    return bundle.entries([ROOT / "SpotWrap.py", ROOT / "spotwrap"])


def settings(spec: FunctionSpec, patched: Path, table: Table, owner: str) -> dict[str, str]:
    """The file that tells a wrapped function what it wraps, by name.

    `owner` is the account that the code bucket must belong to: the functions' own.
    """
    told = Settings(
        handler=spec.handler,
        library=library(patched).address(str(spec.code_bucket)),
        owner=owner,
        patience=max(1, min(spec.timeout // 3, MOST_PATIENCE)),
        table=table.name,
        table_region=table.region,
    )
    return {FILE: told.text()}


# --------------------------------------------------------------------------- in AWS


class SpotWrap:
    """What wrapped functions need in AWS beside themselves.

    `places` are the libraries' addresses and folders; with `keep` none is uploaded.
    """

    def __init__(
        self, clients: Clients, specs: Iterable[FunctionSpec], table: Table, keep: bool
    ) -> None:
        self.clients = clients
        self.s3 = clients.client("s3")
        self.table = table
        self.keep = keep
        self.places = {
            library(folder).address(str(spec.code_bucket)): folder
            for spec in specs
            if (folder := spec.patched_botocore_dir)
        }
        same_region = table.region == clients.region
        tables = clients if same_region else Clients(table.region, clients.profile)
        self.dynamodb = tables.client("dynamodb")

    def check(self) -> None:
        """Look at what is there, before anything is changed. DeployError."""
        for address, folder in self.places.items():
            found = self._bucket_is_there(address.bucket)
            if self.keep and not (found and self._library_is_there(address)):
                raise DeployError(
                    f"{address} is not there: the patched botocore in {folder} is not the one "
                    "that was uploaded last; deploy once without --no_botocore_change"
                )
        self._table_is_there()

    def steps(self) -> Iterator[Step]:
        """What makes what is missing."""
        for bucket in sorted({address.bucket for address in self.places}):
            there = partial(self._bucket_is_there, bucket)
            yield _making(f"s3://{bucket}", "made", there, partial(self._make_bucket, bucket))
        for address in self.places:
            there = partial(self._library_is_there, address)
            yield _making(str(address), "uploaded", there, partial(self._upload, address))
        name = f"table {self.table.name} in {self.table.region}"
        yield _making(name, "made", self._table_is_there, self._make_table)

    def _bucket_is_there(self, bucket: str) -> bool:
        """DeployError where the bucket is someone else's, or in another region."""
        try:
            answer = self.s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=self.clients.account)
        except ClientError as error:
            if error_code(error) in ("404", "NoSuchBucket"):
                return False
            if not is_denied(error):
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
            self.s3.create_bucket(Bucket=bucket, **more)
        except ClientError as error:
            if error_code(error) == "BucketAlreadyOwnedByYou":
                return
            if error_code(error) != "BucketAlreadyExists":
                raise
            raise DeployError(
                f"bucket {bucket}, which s3bucket names, belongs to someone else: name another"
            ) from error

    def _library_is_there(self, address: Address) -> bool:
        bucket, key = address.bucket, address.key
        owner = self.clients.account
        found = found_or_none(
            lambda: self.s3.head_object(Bucket=bucket, Key=key, ExpectedBucketOwner=owner), "404"
        )
        return found is not None

    def _upload(self, address: Address) -> None:
        self.s3.put_object(
            Bucket=address.bucket,
            Key=address.key,
            Body=library(self.places[address]).code(),
            ExpectedBucketOwner=self.clients.account,
        )

    def _table_is_there(self) -> bool:
        """DeployError where there is a table of that name with another key."""
        name = self.table.name
        found = found_or_none(lambda: self.dynamodb.describe_table(TableName=name), NOT_FOUND)
        if found is None:
            return False
        key = {part["AttributeName"]: part["KeyType"] for part in found["Table"]["KeySchema"]}
        if key != {name: kind for name, (kind, _) in KEY.items()}:
            raise DeployError(
                f"table {self.table.name} in {self.table.region} has the key {', '.join(key)}, "
                f"not {', '.join(KEY)}: name another with --spotFnsTableName"
            )
        return True

    def _make_table(self) -> None:
        try:
            self.dynamodb.create_table(
                TableName=self.table.name,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[
                    {"AttributeName": name, "KeyType": kind} for name, (kind, _) in KEY.items()
                ],
                AttributeDefinitions=[
                    {"AttributeName": name, "AttributeType": type_}
                    for name, (_, type_) in KEY.items()
                ],
            )
        except ClientError as error:
            if error_code(error) != "ResourceInUseException":  # someone else is making it
                raise
        try:
            self.dynamodb.get_waiter("table_exists").wait(
                TableName=self.table.name, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
            )
        except WaiterError as error:
            raise DeployError(f"table {self.table.name} did not become ready: {error}") from error


def _making(name: str, made: str, is_there: Callable[[], bool], make: Callable[[], None]) -> Step:
    """The making of what may be there already; `made` is the word for it."""

    def look() -> str:
        return "unchanged" if is_there() else f"would be {made}"

    def do() -> str:
        if is_there():
            return "unchanged"
        make()
        return made

    return Step(name, "", look, do)
