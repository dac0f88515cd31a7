"""The options of driver.py: which go together, and what its help and its completion show."""

from __future__ import annotations

import pytest

from terminal import driving

RUN = ["b", "j", "mapperNS", "reducerNS"]


def fault(words: list[str]) -> str | None:
    return driving.fault_of(driving.make_parser().parse_args(words))


@pytest.mark.parametrize(
    "words",
    [
        ["b", "j", "--dryrun"],
        ["b", "j", "--dryrun", "--json", "--prices", "p.json"],
        RUN,
        [*RUN, "--goal", "cheapest", "--prices", "p.json"],
        [*RUN, "--wait4reducers", "--json", "--quiet", "--report", "r.html", "--prices", "p.json"],
        [*RUN, "--wait", "--json", "--quiet", "--report", "r.html", "--prices", "p.json"],
    ],
)
def test_options_that_go_together(words: list[str]) -> None:
    assert fault(words) is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([*RUN, "--quiet"], "--quiet goes with --wait4reducers or --wait"),
        ([*RUN, "--report", "r"], "--report goes with --wait4reducers or --wait; `job.py report`"),
        ([*RUN, "--prices", "p"], "--prices goes with --wait4reducers, --wait, --dryrun"),
        (["b", "j", "--dryrun", "--wait4reducers", "--quiet"], "--quiet goes with"),
    ],
)
def test_options_that_do_not_go_together(words: list[str], message: str) -> None:
    assert str(fault(words)).startswith(message)


@pytest.mark.parametrize(
    "words",
    [
        [*RUN, "--wait", "--wait4reducers"],
        [*RUN, "--quiet"],
        [*RUN, "--batchsize", "0"],
        ["b"],
        [*RUN, "--status"],
    ],
)
def test_wrong_usage_is_two_lines(words: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as raised:
        driving.main(words)
    assert raised.value.code == 2
    usage, error = capsys.readouterr().err.splitlines()
    assert usage.startswith("usage: driver.py [options] jobbkt jobid")
    assert error.startswith("driver.py: error: ")


def test_the_help_has_a_line_an_option(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = driving.make_parser().format_help().splitlines()
    assert len(lines) <= 68
    assert max(map(len, lines)) <= 80


def test_who_ends_it_early_knows_what_still_runs() -> None:
    parser = driving.make_parser()
    said = driving.interrupted(parser.parse_args(["jobs", "job1", "m", "r"]))
    assert "job job1 in s3://jobs/job1/ may still finish" in said
    assert "`python job.py cancel jobs job1` ends it" in said
    elsewhere = parser.parse_args(["jobs", "a b", "--region", "eu-west-1", "--profile", "me"])
    command = "`python job.py cancel jobs 'a b' --region eu-west-1 --profile me`"
    assert command in driving.interrupted(elsewhere)
    assert driving.interrupted(parser.parse_args(["jobs", "job1", "--dryrun"])) == "interrupted"
