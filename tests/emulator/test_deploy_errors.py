"""setupApps.py where something is wrong: it says what, before anything is made where it can."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.emulator import free_port
from tests.cloud import Cloud
from tests.faults import FaultProxy, slow
from tests.smallapp import check, make_app, names, through_proxy, unique_name, write_config


@pytest.fixture
def app(tmp_path: Path, aws_environment, aws_client, request) -> Cloud:
    return make_app(tmp_path, aws_environment, aws_client, unique_name(request))


@pytest.fixture
def proxy(app: Cloud) -> Iterator[FaultProxy]:
    with through_proxy(app) as running:
        yield running


def refusal(service: str, operation: str, code: str, status: int, message: str) -> dict[str, Any]:
    error = {"code": code, "status": status, "message": message}
    return {"service": service, "operation": operation, "error": error}


def test_a_deployment_without_a_role_says_which_variable(app: Cloud) -> None:
    app.environment = {k: v for k, v in app.environment.items() if k != "AWSRole"}
    check(app.setup_apps("--no_spotwrap"), 2, "export AWSRole=ARN", "create-role.py")
    assert names(app) == set()


def test_the_other_variable_of_the_original_names_the_role_too(app: Cloud) -> None:
    role = app.environment["AWSRole"]
    app.environment = {**app.environment, "AWSRole": "", "serverless_mapreduce_role": role}
    check(app.setup_apps("--no_spotwrap"), 0, "created")


def test_a_role_that_is_no_arn_is_refused(app: Cloud) -> None:
    app.environment = {**app.environment, "AWSRole": "my-role"}
    check(app.setup_apps("--no_spotwrap"), 2, "AWSRole is 'my-role', not the ARN of a role")


def test_what_could_not_be_loaded_in_lambda_is_refused_before_any_call(
    app: Cloud, proxy: FaultProxy
) -> None:
    proxy.rules(*slow(1))  # a rule that fires on every call, and so records it
    folder = app.config.parent
    (folder / "plain.py").write_text("import beside\n")
    (folder / "beside.py").write_text("\nimport nosuch.module\n")
    check(app.setup_apps("--no_spotwrap"), 2, "beside.py:2 imports nosuch.module, which is nowhere")
    (folder / "beside.py").write_text("import json\n")
    (folder / "json.py").write_text("")
    said = "json.py would hide the module json of Python's standard library: give it another name"
    check(app.setup_apps("--no_spotwrap"), 2, f"plain{app.suffix}: files_and_dirs: ", said)
    assert proxy.fired() == []


def test_a_job_with_a_byte_order_mark_is_python_and_deploys(app: Cloud) -> None:
    text = b"\xef\xbb\xbfimport json\r\nhandler = json.dumps\r\n"
    (app.config.parent / "plain.py").write_bytes(text)
    check(app.setup_apps("--no_spotwrap"), 0, f"plain{app.suffix}: created")


def test_a_missing_trigger_bucket_is_found_before_anything_is_made(app: Cloud) -> None:
    app.s3.delete_bucket(Bucket=app.bucket)
    done = app.setup_apps("--no_spotwrap")
    check(done, 1, f"there is no bucket {app.bucket}", f"aws s3 mb s3://{app.bucket}")
    assert names(app) == set()


def test_a_wrong_configuration_is_told_whole_and_makes_nothing(app: Cloud) -> None:
    write_config(app, lambdaMemory=1, timeout=0, nonsense=1)
    done = app.setup_apps("--no_spotwrap")
    check(done, 2, "lambdaMemory: 1 is not", "timeout: 0 is not", "nonsense: unknown field")
    assert names(app) == set()


def test_a_missing_file_and_wrong_usage(app: Cloud) -> None:
    app.config.unlink()
    check(app.setup_apps("--no_spotwrap"), 2, "no such file")
    check(app.setup_apps("--deleteAll", "--update"), 2, "exclude each other")
    check(app.setup_apps("--saveTriggerBucket"), 2, "--saveTriggerBucket goes with --deleteAll")


def test_a_zip_over_50_mb_goes_through_the_code_bucket(app: Cloud) -> None:
    (app.config.parent / "big.bin").write_bytes(random.Random(1).randbytes(53_000_000))
    files = ["plain.py", "big.bin"]
    write_config(app, files_and_dirs=files)
    check(app.setup_apps("--no_spotwrap"), 2, "name a bucket for it in s3bucket")
    write_config(app, files_and_dirs=files, s3bucket="no-such-bucket")
    check(app.setup_apps("--no_spotwrap"), 1, "no bucket no-such-bucket, which s3bucket names")
    assert names(app) == set()
    write_config(app, files_and_dirs=files, s3bucket=app.databkt)
    check(app.setup_apps("--no_spotwrap"), 0, f"plain{app.suffix}: created")
    assert app.s3.list_objects_v2(Bucket=app.databkt)["KeyCount"] == 1


def test_no_credentials_and_an_unknown_profile(app: Cloud, tmp_path: Path) -> None:
    check(app.setup_apps("--profile", "nobody"), 1, "aws configure list-profiles")
    app.environment = {
        name: value for name, value in app.environment.items() if "AWS_ACCESS_KEY" not in name
    }
    app.environment |= {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }
    app.environment.pop("AWS_SECRET_ACCESS_KEY")
    check(app.setup_apps("--no_spotwrap"), 1, "run `aws configure`")


def test_a_trigger_bucket_of_another_region_is_found_before_anything_is_made(app: Cloud) -> None:
    written = json.loads(app.config.read_text())
    app.config.write_text(json.dumps({**written, "region": "eu-west-1"}))
    done = app.setup_apps("--no_spotwrap")
    check(done, 1, f"bucket {app.bucket}, which permission names, is in us-west-2")
    assert names(app) == set()


def test_a_configuration_for_spotwrap_is_not_deployed_without_it_in_silence(app: Cloud) -> None:
    (app.config.parent / "botocore").mkdir()
    write_config(app, patched_botocore_dir="botocore", s3bucket=app.databkt)
    done = app.setup_apps()
    check(done, 2, f"plain{app.suffix}: patched_botocore_dir: ", "botocore is no botocore")
    assert names(app) == set()
    check(app.setup_apps("--no_spotwrap"), 0, f"plain{app.suffix}: created")


def test_a_trigger_that_overlaps_another_names_the_bucket_and_the_other(
    app: Cloud, proxy: FaultProxy
) -> None:
    created = ["s3:ObjectCreated:*"]
    arn = "arn:aws:lambda:us-west-2:000000000000:function:other"
    theirs = [{"Id": "everything", "LambdaFunctionArn": arn, "Events": created}]
    app.s3.put_bucket_notification_configuration(
        Bucket=app.bucket, NotificationConfiguration={"LambdaFunctionConfigurations": theirs}
    )
    message = "Configurations overlap."
    proxy.rules(refusal("s3", "PutBucketNotification", "InvalidArgument", 400, message))
    done = app.setup_apps("--no_spotwrap")
    check(done, 1, f"bucket {app.bucket} refuses", message, "Its notification everything covers")


def test_a_denied_call_names_the_function_and_the_right(app: Cloud, proxy: FaultProxy) -> None:
    message = "not authorized to perform: lambda:CreateFunction"
    proxy.rules(refusal("lambda", "CreateFunction", "AccessDeniedException", 403, message))
    done = app.setup_apps("--no_spotwrap")
    check(done, 1, f"plain{app.suffix}: ", message, "must allow CreateFunction here")


def test_a_deletion_that_fails_is_said_and_the_rest_is_deleted(
    app: Cloud, proxy: FaultProxy
) -> None:
    app.setup_apps("--no_spotwrap")
    proxy.rules(refusal("lambda", "DeleteFunction", "AccessDeniedException", 403, "no right"))
    done = app.setup_apps("--deleteAll")
    check(
        done,
        1,
        f"plain{app.suffix}: function: FAILED",
        f"coordinator{app.suffix}: function: FAILED",
        f"coordinator{app.suffix}: permission of s3://{app.bucket}: deleted",
        f"s3://{app.bucket}: contents: 0 objects deleted",
        "2 steps failed.",
    )
    proxy.rules()
    check(app.setup_apps("--deleteAll"), 0, f"plain{app.suffix}: function: deleted")


@pytest.mark.parametrize("option", ["--no_spotwrap", "--deleteAll"])
def test_an_address_that_is_none_and_one_where_nobody_is(app: Cloud, option: str) -> None:
    app.environment = {**app.environment, "AWS_ENDPOINT_URL": "garbage"}
    check(app.setup_apps(option), 1, "Invalid endpoint: garbage: correct AWS_ENDPOINT_URL")
    app.environment = {**app.environment, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    check(app.setup_apps(option), 1, "Could not connect to the endpoint URL")
