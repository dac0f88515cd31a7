"""Whole simulated jobs: the same for the same seed, exactly once, within AWS's limits, paid for."""

from __future__ import annotations

import dataclasses
import json
import random
import resource
import shlex
import subprocess

import pytest

from errors import UsageError
from local import simulator, uservisits
from local.simulated import presets
from local.simulated.cloud import OPERATIONS, Cloud
from local.simulated.functions import Function
from local.simulated.groups import addresses, alike, zipf
from local.simulated.job import Layout, Report, request_for, simulate
from local.simulated.rates import Allowance, Rates, Spread
from local.simulated.work import Query
from running.costs import Prices
from tests import readme
from tests.peak import measured, peak_kib

SMALL = Layout(2_000_000_000, 20, Query(alike(50_000), 164, 28))


def run(layout: Layout = SMALL, seed: int = 1, rates: Rates | None = None, **options) -> Report:
    request = request_for(**{"full_async": True, **options})
    return simulate(request, layout, rates or Rates(), seed)


def requests_of(report: Report, role: str) -> dict[str, int]:
    return simulator.by_role(report.requests)[role]


# ------------------------------------------------------------------- whole jobs


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    first, again, other = run(seed=7), run(seed=7), run(seed=8)
    assert first == again
    assert (first.seconds, first.dollars) != (other.seconds, other.dollars)


def test_a_job_has_the_requests_that_its_functions_make() -> None:
    report = run(split_size=100_000_000)
    assert (report.mappers, len(report.steps), report.failure) == (20, 1, "")
    assert requests_of(report, "driver")["Invoke"] == 20
    assert requests_of(report, "mapper")["PutObject"] == 20
    assert requests_of(report, "reducer")["PutObject"] == 2  # the result, and `done`
    assert requests_of(report, "coordinator")["Invoke"] == 1
    calls = {usage.role: usage.calls for usage in report.usages}
    assert calls == {"mapper": 20, "reducer": 1, "coordinator": 21}
    assert 0 < report.mapped < report.answered <= report.seconds


def test_a_driver_that_waits_for_each_mapper_takes_longer() -> None:
    few = run(split_size=100_000_000, full_async=False, concurrency=2)
    all_at_once = run(split_size=100_000_000)
    assert few.mapped > 3 * all_at_once.mapped
    assert few.most_at_once <= 8  # two mappers, and coordinators


@pytest.mark.parametrize("seeds", [range(60 * part, 60 * (part + 1)) for part in range(4)])
def test_small_jobs_finish_exactly_once_whatever_happens(seeds: range) -> None:
    for seed in seeds:
        numbers = random.Random(seed)
        mappers = numbers.randint(1, 12)
        rates = dataclasses.replace(
            Rates(),
            twice=numbers.choice([0.0, 0.3]),
            lost=numbers.choice([0.0, 0.0, 0.2]),
            straggler_share=0.2,
            concurrency=numbers.choice([3, 5, 1000]),
            event=Spread(0.3, numbers.choice([0.5, 20.0])),
        )
        groups = alike(numbers.choice([1_000, 2_000_000]))
        layout = Layout(mappers * 64_000_000, mappers, Query(groups, 164, 28))
        report = run(layout, seed, rates, batch_size=1)
        assert (report.failure, report.failures) == ("", {}), seed
        assert report.mappers == mappers, seed
        reducers = next(usage.calls for usage in report.usages if usage.role == "reducer")
        assert reducers == sum(step.grid.count for step in report.steps) > 0, seed


def test_a_reducer_that_needs_more_memory_than_it_has_ends_the_job_without_a_result() -> None:
    report = run(presets.layout("2C", "1node"), split_size=900_000_000, timeout=300, reducers=1)
    assert "has no result after 300 s" in report.failure
    assert "Runtime exited" in report.failures["reducerNS"]


# ------------------------------------------------------------------- limits


def started(cloud: Cloud, count: int, seconds: float) -> list[float]:
    """When `count` invocations of a function that takes so long began, all asked for at once."""
    begun = []

    def body(me) -> None:
        begun.append(cloud.clock.now)
        me.wait(seconds)

    cloud.functions.deploy(Function("f", "mapper", 1536, 900, body))
    for _ in range(count):
        cloud.functions.accept("f", {})
    start = cloud.clock.now
    cloud.clock.run()
    return sorted(when - start for when in begun)


def test_no_more_functions_run_at_once_than_the_account_allows() -> None:
    cloud = Cloud(dataclasses.replace(Rates(), concurrency=10), 1)
    begun = started(cloud, 30, 5.0)
    assert cloud.functions.most == 10
    assert len(begun) == 30
    assert begun[10] > 5.0
    assert cloud.functions.throttles["f"] >= 20


def test_a_function_starts_a_burst_and_then_a_thousand_more_in_ten_seconds() -> None:
    cloud = Cloud(dataclasses.replace(Rates(), concurrency=5000), 1)
    begun = started(cloud, 2000, 60.0)
    assert 1000 <= sum(when < 2.0 for when in begun) <= 1200
    # 100 new environments a second; the queue asks again after 1, 2, 4 s and so on.
    assert 10.0 <= begun[-1] <= 32.0


def test_an_environment_is_used_again_when_it_is_free() -> None:
    cloud = Cloud(Rates(), 1)
    cloud.functions.deploy(Function("f", "mapper", 1536, 900, lambda me: me.wait(0.01)))
    for second in range(5):
        cloud.clock.after(10 * second, lambda: cloud.functions.accept("f", {}))
    cloud.clock.run()
    used = cloud.functions.used["f"]
    assert (used.calls, used.cold) == (5, 1)


def test_a_function_that_fails_is_tried_again_after_a_minute_and_after_two() -> None:
    cloud = Cloud(Rates(), 1)
    begun = []

    def body(me) -> None:
        begun.append(cloud.clock.now)
        raise ValueError("no")

    cloud.functions.deploy(Function("f", "mapper", 1536, 900, body))
    cloud.functions.accept("f", {})
    cloud.clock.run()
    first, second, third = begun
    assert 60 <= second - first < 62
    assert 120 <= third - second < 122
    assert cloud.functions.used["f"].last_failure == "ValueError: no"


def test_a_function_ends_at_its_timeout_and_is_paid_for_until_then() -> None:
    cloud = Cloud(Rates(), 1)
    function = Function("f", "mapper", 1536, 3, lambda me: me.wait(100))
    cloud.functions.deploy(function)
    ended = []
    assert cloud.functions.start(function, {}, "r", lambda *outcome: ended.append(outcome))
    cloud.clock.run()
    assert ended == [(None, "Task timed out after 3.00 seconds")]
    assert 3 < cloud.functions.used["f"].seconds < 5


def test_s3_refuses_what_is_more_than_its_rate_and_botocore_asks_again() -> None:
    slow = dataclasses.replace(Rates(), gets=25.0)
    layout = dataclasses.replace(SMALL, objects=60)
    report = run(layout, rates=slow, batch_size=1)
    assert report.failure == ""
    assert report.refused["SlowDown"] > 10
    assert report.seconds > run(layout, batch_size=1).seconds


@pytest.mark.parametrize(
    ("asked", "given"), [([0.0] * 5, 3), ([0.0, 0.0, 0.0, 0.1, 0.2], 3), ([0, 0, 0, 1, 1, 1], 5)]
)
def test_an_allowance_is_a_burst_and_then_a_rate(asked: list[float], given: int) -> None:
    allowance = Allowance(2.0, 3.0, 0.0)
    assert sum(allowance.take(now) for now in asked) == given


# ------------------------------------------------------------------- times and prices


def test_a_small_function_computes_in_its_share_of_a_core() -> None:
    seconds = {}
    for memory in (128, 1769, 3538):
        cloud = Cloud(dataclasses.replace(Rates(), speed=0.0, straggler_share=0.0), 1)

        def body(me) -> None:
            me.machine.compute(1.0)
            me.settle()

        cloud.functions.deploy(Function("f", "mapper", memory, 900, body))
        cloud.functions.accept("f", {})
        cloud.clock.run()
        seconds[memory] = cloud.functions.used["f"].seconds - 0.6  # less a start, about
    assert seconds[128] == pytest.approx(1769 / 128, abs=1)
    assert seconds[1769] == pytest.approx(1, abs=0.6)
    assert seconds[3538] == pytest.approx(seconds[1769], abs=0.6)


def test_a_network_is_fast_until_its_burst_is_used_up() -> None:
    cloud = Cloud(Rates(), 1)
    machine = cloud.computer().machine
    machine.transfer(300e6)
    assert machine.left == pytest.approx(300e6 / 1.3e9)
    machine.transfer(75e6)
    assert machine.left == pytest.approx(300e6 / 1.3e9 + 1)


def test_times_have_the_median_and_the_tail_that_were_given() -> None:
    numbers = random.Random(1)
    drawn = sorted(Spread(0.018, 0.082).draw(numbers) for _ in range(20_000))
    assert drawn[10_000] == pytest.approx(0.018, rel=0.05)
    assert drawn[19_800] == pytest.approx(0.082, rel=0.1)


def test_the_bill_is_the_sum_of_what_was_used() -> None:
    report = run(split_size=100_000_000)
    prices = Prices()
    gb_seconds = sum(usage.seconds * usage.memory / 1024 for usage in report.usages)
    calls = sum(usage.calls for usage in report.usages)
    by_price = {"read": 0, "write": 0, "": 0}
    for (_, operation), count in report.requests.items():
        by_price[OPERATIONS[operation].price] += count
    expected = (
        gb_seconds * prices.gb_second["x86_64"]
        + calls * prices.million_calls / 1e6
        + by_price["write"] * prices.thousand_s3_writes / 1e3
        + by_price["read"] * prices.thousand_s3_reads / 1e3
    )
    assert report.dollars == pytest.approx(expected)
    assert by_price["write"] > 40  # mappers' outputs, and a listing for each event


def test_dearer_prices_make_a_dearer_job_of_the_same_time() -> None:
    request = request_for(full_async=True)
    cheap = simulate(request, SMALL, Rates(), 1)
    dear = simulate(request, SMALL, Rates(), 1, Prices(thousand_s3_writes=5.0))
    assert dear.seconds == cheap.seconds
    assert dear.dollars > 10 * cheap.dollars


# ------------------------------------------------------------------- groups


@pytest.mark.parametrize(("query", "counted"), [("2A", 2.07e6), ("2B", 31.3e6), ("2C", 253.9e6)])
def test_the_benchmark_has_about_as_many_groups_as_it_counts(query: str, counted: float) -> None:
    layout = presets.layout(query, "5nodes")
    found = layout.query.groups.among(layout.size / layout.query.row_bytes)
    assert found == pytest.approx(counted, rel=0.07)


@pytest.mark.parametrize("characters", [4, 8, 10, 12])
def test_the_groups_of_addresses_are_those_of_generated_rows(characters: int) -> None:
    rows = b"".join(uservisits.generate(1, 0, 5_000_000)).splitlines()
    found = len({row[: min(characters, row.index(b","))] for row in rows})
    assert addresses(characters).among(len(rows)) == pytest.approx(found, rel=0.03)
    shares = sum(keys * share for keys, share in addresses(characters).classes)
    assert shares == pytest.approx(1)


@pytest.mark.parametrize("exponent", [0.0, 0.8, 1.2])
def test_groups_are_as_many_as_drawn_rows_have(exponent: float) -> None:
    numbers = random.Random(1)
    weights = [rank**-exponent for rank in range(1, 1001)]
    drawn = len(set(numbers.choices(range(1000), weights, k=3000)))
    assert zipf(1000, exponent).among(3000) == pytest.approx(drawn, rel=0.05)


# ------------------------------------------------------------------- the command


def test_the_command_prints_each_run_and_the_bill(capsys) -> None:
    assert simulator.main(["--splitsize", "900MB", "--seeds", "2"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("29 mappers, reducers ")
    assert "median" in shown
    assert "S3 writes and lists" in shown


def test_the_commands_of_the_documentation_run(capsys) -> None:
    page = (readme.ROOT / "docs" / "simulator.md").read_text()
    commands = "".join(readme.blocks(page, "bash")).splitlines()
    for command in commands:
        python, program, *options = shlex.split(command)
        assert (python, program) == ("python", "local/simulator.py")
        assert simulator.main(options) == 0
    assert commands
    assert "median" in capsys.readouterr().out


def test_thousands_of_mappers_take_little_time_and_memory() -> None:
    """A fifth of the 10,000 mappers that `--input 5nodes --splitsize 12690KB` has."""
    options = ("--input", "5nodes", "--splitsize", "63450KB", "--json")
    command = measured("local/simulator.py", *options)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=readme.ROOT, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    (report,) = json.loads(done.stdout)
    assert 1_980 < report["mappers"] < 2_040
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 30
    assert peak_kib(done.stderr) < 400_000
    coordinators = sum(report["requests"]["coordinator"].values())
    assert coordinators < 2.7 * 2_000 + 1_500


def test_the_command_prints_json(capsys) -> None:
    assert simulator.main(["--splitsize", "60MB", "--json"]) == 0
    (report,) = json.loads(capsys.readouterr().out)
    assert report["mappers"] == 404
    assert report["requests"]["mapper"]["PutObject"] == 404
    assert report["refused"] == {}  # the reducers ask for no more than S3 gives


def test_rates_come_from_a_file_and_faults_in_it_are_named(tmp_path, capsys) -> None:
    path = tmp_path / "rates.json"
    path.write_text(json.dumps({**Rates().to_json(), "get": [5, 6], "concurrency": 50}))
    rates = Rates.from_json(json.loads(path.read_text()), "x")
    assert rates == dataclasses.replace(Rates(), get=Spread(5, 6), concurrency=50)
    for text, message in (
        ('{"got": 1}', "got: no such rate; there are get, "),
        ('{"get": 1}', r"get is 1, not [median, 99th percentile] in seconds"),
        ('{"kernel": "1"}', "kernel is '1', not a number from 0"),
        ("[]", "not a JSON object but list"),
        ("{", "is not JSON"),
    ):
        path.write_text(text)
        assert simulator.main(["--rates", str(path)]) == 2
        assert message in capsys.readouterr().err


def test_a_missing_file_of_rates_is_an_error() -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        simulator.read_rates("no/such/file")
