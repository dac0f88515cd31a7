"""What happens in a job, told once and in plain words."""

from __future__ import annotations

import pytest

from state.grid import Grid
from views.happenings import named, shape


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        (Grid(), "1 reducer"),
        (Grid(3, 1), "3 groups of outputs x 1 range of keys, 3 reducers"),
        (Grid(1, 4), "1 group of outputs x 4 ranges of keys, 4 reducers"),
    ],
)
def test_a_step_in_words(grid: Grid, words: str) -> None:
    assert shape(grid) == words


@pytest.mark.parametrize(
    ("keys", "name"),
    [(["a/b.txt"], "b.txt"), (["b"], "b"), (["a/b", "a/c", "a/d"], "b and 2 more")],
)
def test_a_batch_is_named_after_its_first_object(keys: list[str], name: str) -> None:
    assert named(keys) == name
