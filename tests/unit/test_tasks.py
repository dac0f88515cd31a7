"""Events of mappers: what they ask for, and what is wrong with one."""

from __future__ import annotations

import pytest

from errors import BadRecord
from state.tasks import Input, MapperEvent, Range

EVENT = {"bucket": "data", "keys": ["a", "b"], "jobBucket": "jobs", "jobId": "j", "mapperId": 1}


def test_an_event_of_the_original_reads_any_version_of_whole_objects() -> None:
    assert MapperEvent.from_json(EVENT).inputs == [Input("data", "a"), Input("data", "b")]


def test_each_key_has_its_version_and_its_range() -> None:
    part = {"start": 3, "end": 9, "etag": "second"}
    event = {**EVENT, "etags": ["first", "second"], "ranges": [None, part]}
    assert MapperEvent.from_json(event).inputs == [
        Input("data", "a", None, "first"),
        Input("data", "b", Range(3, 9, "second"), "second"),
    ]
    del event["etags"]
    assert [one.etag for one in MapperEvent.from_json(event).inputs] == ["", "second"]


@pytest.mark.parametrize("etags", ["first", ["first"], ["a", "b", "c"], ["a", 2], ["a", None]])
def test_versions_that_are_none_are_refused(etags) -> None:
    with pytest.raises(BadRecord, match="etags is not a list of 2 texts"):
        MapperEvent.from_json({**EVENT, "etags": etags})
