"""The subcommands of job.py: what each takes, and that each help fits a screen."""

from __future__ import annotations

import pytest

from terminal import looking


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("status b j --json", {"jobbkt": "b", "jobid": "j", "json": True, "region": "us-west-2"}),
        ("result b j", {"format": "csv", "sort": "key", "top": None, "json": False}),
        ("result b j --format json --sort value --top 3", {"format": "json", "top": 3}),
        ("logs b j --follow --profile me", {"follow": True, "json": False, "profile": "me"}),
        ("report b j", {"output": "report.html", "prices": None}),
        ("report b j --output r.html --prices p.json --json", {"output": "r.html", "json": True}),
    ],
)
def test_what_a_subcommand_takes(words: str, expected: dict[str, object]) -> None:
    options = vars(looking.make_parser().parse_args(words.split()))
    assert {name: options[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "the following arguments are required: COMMAND"),
        ("stats b j", "invalid choice: 'stats'"),
        ("status b", "the following arguments are required: JOB"),
        ("result b j --top 0", "'0' is not a whole number from 1"),
        ("result b j --json --format csv", "not allowed with argument"),
        ("logs b j --follow --json", "not allowed with argument"),
        ("status b j --overwrite", "unrecognized arguments: --overwrite"),
    ],
)
def test_wrong_usage_is_two_lines(words: str, message: str, capsys) -> None:
    with pytest.raises(SystemExit) as raised:
        looking.main(words.split())
    assert raised.value.code == 2
    usage, error = capsys.readouterr().err.splitlines()
    assert usage.startswith("usage: job.py ")
    assert message in error


@pytest.mark.parametrize("words", [[], *([view] for view in looking.VIEWS)])
def test_a_help_fits_a_screen_and_has_an_example(words: list[str], capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as raised:
        looking.main([*words, "--help"])
    assert raised.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= (24 if words else 36)
    assert max(map(len, lines)) <= 80
    assert any("python job.py" in line for line in lines)
