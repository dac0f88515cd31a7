"""What is checked before a job starts."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from aws.notifications import covering_entry
from errors import JobError
from running import preflight
from running.preflight import FunctionFacts
from running.request import JobRequest

REQUEST = JobRequest(job_bucket="jobs", job_id="job1", mapper="mapperNS", reducer="reducerNS")


def entry(*rules: tuple[str, str], events: tuple[str, ...] = ("s3:ObjectCreated:*",)) -> dict:
    found = {"LambdaFunctionArn": "arn:aws:lambda:us-west-2:123456789012:function:f"}
    filters = [{"Name": name, "Value": value} for name, value in rules]
    return {**found, "Events": list(events), "Filter": {"Key": {"FilterRules": filters}}}


@pytest.mark.parametrize(
    ("entries", "covered"),
    [
        ([], False),
        ([entry(("prefix", "job1/task"))], True),
        ([entry(("Prefix", "job1/task/"))], True),
        ([entry(("prefix", "job1"))], True),
        ([entry()], True),
        ([{"LambdaFunctionArn": "a", "Events": ["s3:ObjectCreated:Put"]}], True),
        ([entry(("prefix", "job10/task"))], False),
        ([entry(("prefix", "job1/task/mapper"))], False),
        ([entry(("prefix", "job1/task"), ("suffix", ".json"))], False),
        ([entry(("prefix", "job1/task"), ("suffix", ""))], True),
        ([entry(("prefix", "job1/task"), events=("s3:ObjectRemoved:*",))], False),
        ([entry(("prefix", "x")), entry(("prefix", "job1/task"))], True),
    ],
)
def test_a_trigger_covers_a_job_or_does_not(entries, covered) -> None:
    configuration = {"LambdaFunctionConfigurations": entries}
    assert (covering_entry(configuration, "job1/task") is not None) is covered


@pytest.mark.parametrize(
    ("job_id", "value", "covered"),
    [
        ("day=1", "day%3D1/task", True),
        ("a b", "a+b/task", True),
        ("a b", "a%20b/task", True),
        ("a+b", "a%2Bb/task", True),
        ("a+b", "a+b/task", False),
        ("zürich", "z%C3%BCrich/task", True),
        ("50%", "50%25/task", True),
    ],
)
def test_a_filter_value_is_decoded_before_it_is_compared(job_id, value, covered) -> None:
    configuration = {"LambdaFunctionConfigurations": [entry(("prefix", value))]}
    assert (covering_entry(configuration, f"{job_id}/task") is not None) is covered


@pytest.fixture
def s3():
    client = boto3.client(
        "s3", region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="y"
    )
    with Stubber(client) as stub:
        client.stub = stub
        yield client
        stub.assert_no_pending_responses()


@pytest.fixture
def functions():
    client = boto3.client(
        "lambda", region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="y"
    )
    with Stubber(client) as stub:
        client.stub = stub
        yield client
        stub.assert_no_pending_responses()


def test_a_trigger_that_may_not_be_read_is_a_warning(s3, functions, capfd) -> None:
    s3.stub.add_client_error("get_bucket_notification_configuration", "AccessDenied")
    preflight.check_trigger(s3, functions, REQUEST)
    assert "the triggers of jobs may not be read, going on without" in capfd.readouterr().err


def test_a_missing_job_bucket_is_named_with_the_remedy(s3, functions) -> None:
    s3.stub.add_client_error("get_bucket_notification_configuration", "NoSuchBucket")
    with pytest.raises(JobError, match="no bucket jobs: make it with `aws s3 mb s3://jobs`"):
        preflight.check_trigger(s3, functions, REQUEST)


def test_another_error_of_reading_the_trigger_rises(s3, functions) -> None:
    s3.stub.add_client_error("get_bucket_notification_configuration", "InvalidBucketState")
    with pytest.raises(ClientError, match="InvalidBucketState"):
        preflight.check_trigger(s3, functions, REQUEST)


def test_a_missing_trigger_stops_the_job(s3, functions) -> None:
    s3.stub.add_response("get_bucket_notification_configuration", {})
    with pytest.raises(JobError, match="bucket jobs has no Lambda trigger for job1/task"):
        preflight.check_trigger(s3, functions, REQUEST)


def wakes(s3, region: str = "us-west-2") -> str:
    """Have the job bucket wake a function of a region; returns its ARN."""
    arn = f"arn:aws:lambda:{region}:123456789012:function:coordinator"
    entries = [{"Id": "a", **entry(("prefix", "job1/task")), "LambdaFunctionArn": arn}]
    answer = {"LambdaFunctionConfigurations": entries}
    s3.stub.add_response("get_bucket_notification_configuration", answer)
    return arn


def coordinator_of(reducers: str) -> dict:
    return {"Environment": {"Variables": {"MR_REDUCERS": reducers}}}


def test_a_trigger_whose_function_is_there_is_right(s3, functions, capfd) -> None:
    asked = {"FunctionName": wakes(s3)}
    functions.stub.add_response("get_function_configuration", coordinator_of("x reducerNS"), asked)
    preflight.check_trigger(s3, functions, REQUEST)
    assert capfd.readouterr().err == ""


def test_a_coordinator_that_was_deployed_for_other_reducers_stops_the_job(s3, functions) -> None:
    wakes(s3)
    functions.stub.add_response("get_function_configuration", coordinator_of("otherNS"))
    with pytest.raises(JobError, match=r"which starts no reducerNS but otherNS \(MR_REDUCERS"):
        preflight.check_trigger(s3, functions, REQUEST)


def test_a_trigger_whose_function_is_gone_stops_the_job(s3, functions) -> None:
    arn = wakes(s3)
    functions.stub.add_client_error("get_function_configuration", "ResourceNotFoundException")
    with pytest.raises(JobError, match=f"jobs wakes {arn}, which does not exist: deploy it"):
        preflight.check_trigger(s3, functions, REQUEST)


def test_a_trigger_of_another_region_stops_the_job(s3, functions) -> None:
    arn = wakes(s3, "eu-west-1")
    with pytest.raises(JobError, match=f"{arn}, which is not in us-west-2: name the --region"):
        preflight.check_trigger(s3, functions, REQUEST)


def test_a_function_that_may_not_be_looked_at_is_a_warning(s3, functions, capfd) -> None:
    arn = wakes(s3)
    functions.stub.add_client_error("get_function_configuration", "AccessDeniedException")
    preflight.check_trigger(s3, functions, REQUEST)
    assert f"whether {arn} exists may not be looked at" in capfd.readouterr().err


def test_the_configuration_of_a_function_is_read(functions) -> None:
    functions.stub.add_response("get_function_configuration", {"Timeout": 42, "MemorySize": 512})
    assert preflight.function_facts(functions, "mapperNS") == FunctionFacts(42, 512, False)


def test_a_configuration_that_may_not_be_read_is_assumed(functions, capfd) -> None:
    functions.stub.add_client_error("get_function_configuration", "AccessDeniedException")
    assert preflight.function_facts(functions, "mapperNS") == FunctionFacts(900, 1536)
    assert "the configuration of mapperNS may not be read" in capfd.readouterr().err


def test_a_missing_function_stops_the_job(functions) -> None:
    functions.stub.add_client_error("get_function_configuration", "ResourceNotFoundException")
    with pytest.raises(JobError, match="there is no function mapperNS in us-west-2"):
        preflight.function_facts(functions, "mapperNS")


def test_an_account_tells_how_many_functions_it_runs_at_once(functions) -> None:
    limits = {"UnreservedConcurrentExecutions": 90}
    functions.stub.add_response("get_account_settings", {"AccountLimit": limits})
    assert preflight.functions_at_once(functions) == 90


def test_an_account_that_may_not_be_asked_is_taken_for_an_ordinary_one(functions, capfd) -> None:
    functions.stub.add_client_error("get_account_settings", "AccessDeniedException")
    assert preflight.functions_at_once(functions) == 1000
    assert "may not be read, 1,000 functions at once are assumed" in capfd.readouterr().err
    functions.stub.add_client_error("get_account_settings", "ServiceException")
    with pytest.raises(ClientError, match="ServiceException"):
        preflight.functions_at_once(functions)
