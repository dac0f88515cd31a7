"""What differs is updated; a role that is too young is waited for."""

from __future__ import annotations

import dataclasses
import datetime

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from deploy import bundle
from deploy.clients import Clients, DeployError
from deploy.function import (
    Desired,
    LambdaManager,
    changes,
    configuration_changes,
    differences,
    told,
)

WANTED = Desired(
    name="f",
    code=b"",
    handler="f.handler",
    role="arn:aws:iam::123456789012:role/r",
    memory=128,
    timeout=300,
    runtime="python3.13",
    architecture="x86_64",
    environment={"A": "1"},
    layers=("arn:layer:1",),
    tracing=False,
    zip_name="f.zip",
    code_bucket=None,
)
FOUND = {
    "Runtime": "python3.13",
    "Role": "arn:aws:iam::123456789012:role/r",
    "Handler": "f.handler",
    "Timeout": 300,
    "MemorySize": 128,
    "Environment": {"Variables": {"A": "1"}},
    "Layers": [{"Arn": "arn:layer:1", "CodeSize": 10}],
    "TracingConfig": {"Mode": "PassThrough"},
}


def test_a_function_as_it_should_be_has_no_differences() -> None:
    assert differences(WANTED, FOUND) == []


def test_what_lambda_leaves_out_is_empty() -> None:
    bare = dataclasses.replace(WANTED, environment={}, layers=())
    found = {
        name: value
        for name, value in FOUND.items()
        if name not in ("Environment", "Layers", "TracingConfig")
    }
    assert differences(bare, found) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"memory": 256}, "MemorySize"),
        ({"timeout": 60}, "Timeout"),
        ({"runtime": "python3.12"}, "Runtime"),
        ({"handler": "g.handler"}, "Handler"),
        ({"role": "arn:aws:iam::123456789012:role/s"}, "Role"),
        ({"environment": {}}, "Environment"),
        ({"layers": ()}, "Layers"),
        ({"tracing": True}, "TracingConfig"),
    ],
)
def test_each_field_that_differs_is_named(change, field) -> None:
    assert differences(dataclasses.replace(WANTED, **change), FOUND) == [field]


ROLE_MADE = datetime.datetime(2026, 1, 31, 9, 0, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("modified", "change", "written"),
    [
        ("2026-01-31T08:59:59.000+0000", {}, ["Role"]),
        ("2026-01-31T08:59:59.000+0000", {"MemorySize": 1}, ["Role", "MemorySize"]),
        ("2026-01-31T08:59:59.000+0000", {"Role": "arn:other"}, ["Role"]),
        ("2026-01-31T09:00:01.000+0000", {}, []),
        ("2026-01-31T09:00:01Z", {"MemorySize": 1}, ["MemorySize"]),
        ("2026-01-31T08:59:59.123456", {}, ["Role"]),
    ],
)
def test_a_role_made_anew_under_its_old_name_is_written_again(modified, change, written) -> None:
    found = {**FOUND, "LastModified": modified, **change}
    assert configuration_changes(WANTED, found, ROLE_MADE) == written


def test_a_role_that_may_not_be_looked_at_changes_nothing() -> None:
    found = {**FOUND, "LastModified": "2026-01-31T08:59:59.000+0000"}
    assert configuration_changes(WANTED, found, None) == []


def refused(message: str) -> ClientError:
    error = {"Code": "InvalidParameterValueException", "Message": message}
    return ClientError({"Error": error}, "CreateFunction")


class World:
    """A clock that moves by sleeping, and a role that works from a certain second on."""

    def __init__(self, works_at: float, message: str) -> None:
        self.now, self.works_at, self.message = 0.0, works_at, message
        self.clients = Clients(sleep=self.sleep, clock=lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def call(self) -> str:
        if self.now < self.works_at:
            raise refused(self.message)
        return "made"


YOUNG = "The role defined for the function cannot be assumed by Lambda."


@pytest.mark.parametrize(
    "message",
    [
        YOUNG,
        "The provided execution role does not have permissions to call CreateNetworkInterface on "
        "EC2",
        "Lambda was unable to configure access to your environment variables because the KMS key "
        "is invalid for CreateGrant. Please check your KMS key settings. KMS Exception: "
        "InvalidArnException KMS Message: ARN does not refer to a valid principal: "
        "arn:aws:iam::123456789012:role/r",
    ],
)
def test_a_role_that_is_too_young_is_waited_for(message: str) -> None:
    world = World(20, message)
    assert world.clients.until_role_works(world.call) == "made"
    assert 20 <= world.now < 30


def test_a_role_that_never_works_is_an_error() -> None:
    world = World(1e9, YOUNG)
    with pytest.raises(ClientError, match="cannot be assumed"):
        world.clients.until_role_works(world.call)
    assert 60 < world.now < 80


def test_another_refusal_is_an_error_at_once() -> None:
    world = World(1, "Unzipped size must be smaller")
    with pytest.raises(ClientError, match="Unzipped size"):
        world.clients.until_role_works(world.call)
    assert world.now == 0


@pytest.fixture
def functions() -> tuple[LambdaManager, Stubber]:
    """A manager whose Lambda is a stub at botocore's edge."""
    clients = Clients("us-west-2", _roles={"r": None})
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    clients.session = boto3.Session(region_name="us-west-2", **keys)
    manager = LambdaManager(clients)
    return manager, Stubber(manager.functions)


AS_WANTED = {**FOUND, "FunctionName": "f", "CodeSha256": bundle.code_sha256(WANTED.code)}
READY = {"Configuration": {"State": "Active", "LastUpdateStatus": "Successful"}}


@pytest.mark.parametrize("busy", [{"State": "Pending"}, {"LastUpdateStatus": "InProgress"}])
def test_a_change_of_an_earlier_run_is_waited_for_before_the_next(functions, busy) -> None:
    manager, stub = functions
    found = {**AS_WANTED, "MemorySize": 999, **busy}
    stub.add_response("get_function_configuration", found)
    stub.add_response("get_function", READY)
    stub.add_response("update_function_configuration", {}, {"FunctionName": "f", **ANYTHING})
    stub.add_response("get_function", READY)
    with stub:
        assert manager.deploy(WANTED) == "updated (MemorySize)"
        stub.assert_no_pending_responses()


ANYTHING = dict.fromkeys(WANTED.configuration(), ANY)


def test_a_function_that_does_not_become_ready_says_why(functions) -> None:
    manager, stub = functions
    stub.add_client_error("get_function_configuration", "ResourceNotFoundException")
    stub.add_response("create_function", {})
    failed = {"State": "Failed", "StateReason": "no such layer"}
    stub.add_response("get_function", {"Configuration": failed})
    with stub, pytest.raises(DeployError, match="f did not become ready: no such layer"):
        manager.deploy(WANTED)


def test_a_function_made_by_someone_else_meanwhile_is_an_error(functions) -> None:
    manager, stub = functions
    stub.add_client_error("get_function_configuration", "ResourceNotFoundException")
    stub.add_client_error("create_function", "ResourceConflictException")
    with (
        stub,
        pytest.raises(DeployError, match=r"created by someone else .* run setupApps\.py again"),
    ):
        manager.deploy(WANTED)


def test_a_large_zip_goes_to_a_bucket_of_this_account_alone(functions) -> None:
    manager, stub = functions
    manager.clients.account = "123456789012"
    large = dataclasses.replace(WANTED, code=b"x" * (bundle.UPLOAD_LIMIT + 1), code_bucket="code")
    upload = Stubber(manager.clients.client("s3"))
    where = {"Bucket": "code", "Key": "f/f.zip"}
    upload.add_response(
        "put_object", {}, {**where, "Body": ANY, "ExpectedBucketOwner": "123456789012"}
    )
    stub.add_response("get_function_configuration", AS_WANTED)
    code = {"FunctionName": "f", "Architectures": ["x86_64"], "S3Bucket": "code"}
    stub.add_response("update_function_code", {}, {**code, "S3Key": "f/f.zip"})
    stub.add_response("get_function", READY)
    with stub, upload:
        assert manager.deploy(large) == "updated (code)"
        upload.assert_no_pending_responses()


def test_another_architecture_is_other_code(functions) -> None:
    manager, stub = functions
    stub.add_response("get_function_configuration", {**AS_WANTED, "Architectures": ["arm64"]})
    code = {"FunctionName": "f", "Architectures": ["x86_64"], "ZipFile": b""}
    stub.add_response("update_function_code", {}, code)
    stub.add_response("get_function", READY)
    with stub:
        assert manager.deploy(WANTED) == "updated (code)"


def test_a_change_is_told_with_old_and_new_values_but_those_of_variables() -> None:
    wanted = dataclasses.replace(
        WANTED,
        code=b"123",
        memory=256,
        environment={"A": "a secret", "B": "another"},
        layers=(),
        tracing=True,
    )
    found = {
        **FOUND,
        "CodeSize": 9,
        "CodeSha256": "",
        "Environment": {"Variables": {"A": "old", "C": "gone"}},
    }
    assert list(told(wanted, found, changes(wanted, found))) == [
        "code 9 -> 3 bytes",
        "MemorySize 128 -> 256",
        "Environment: A changed, B added, C removed",
        "Layers arn:layer:1 -> none",
        "TracingConfig PassThrough -> Active",
    ]


def test_code_of_the_same_size_is_told_without_sizes() -> None:
    found = {**FOUND, "CodeSize": 0, "CodeSha256": ""}
    assert list(told(WANTED, found, changes(WANTED, found))) == ["code"]
