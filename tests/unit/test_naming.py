"""Names and ARNs on their way into a policy: what passes, and what does not."""

from __future__ import annotations

import argparse

import pytest

import naming

KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY = f"arn:aws:kms:us-west-2:123456789012:key/{KEY_ID}"

GOOD = [
    (naming.bucket_fault, ("my-jobs", "a.b.c", "x" * 63)),
    (naming.table_fault, ("spotFns", "my.table", "a_b-c", "x" * 255)),
    (naming.region_fault, ("us-west-2", "cn-north-1", "us-gov-west-1")),
    (naming.role_fault, ("ROLENAME", "a+b=c,d.e@f-g_h", "x" * 64)),
    (naming.policy_fault, ("POLICYNAME", "x" * 128)),
    (
        naming.key_fault,
        (
            KEY,
            KEY.replace("arn:aws:", "arn:aws-cn:"),
            KEY.replace("arn:aws:", "arn:aws-us-gov:"),
            KEY.replace(KEY_ID, "mrk-" + "0" * 32),
        ),
    ),
]
ANYTHING_BUT_A_NAME = ("", "*", "a*b", "a?b", "x:y", "abc/../def", "a b c", "abc\n", "${aws:user}")
BAD = [
    (naming.bucket_fault, ("My_Jobs", "ab", "x" * 64, "1.2.3.4", "abc/*", "MY-BUCKET-NAME")),
    (naming.table_fault, ("ab", "x" * 256, "spotFns/index/*", "täble")),
    (naming.region_fault, ("us-west-2:*", "us-west", "US-WEST-2")),
    (naming.role_fault, ("x" * 65, "path/role", "röle")),
    (naming.policy_fault, ("x" * 129,)),
    (
        naming.key_fault,
        (
            KEY_ID,
            f"{KEY}*",
            KEY.replace(KEY_ID, "*"),
            KEY.replace("key/", "alias/"),
            KEY.replace("us-west-2", "*"),
            KEY.replace("123456789012", "12345678901"),
        ),
    ),
]


@pytest.mark.parametrize(
    ("fault", "value"), [(fault, value) for fault, values in GOOD for value in values]
)
def test_a_name_by_the_rules_passes_as_it_is(fault: naming.Fault, value: str) -> None:
    assert naming.checked(fault)(value) == value


@pytest.mark.parametrize(
    ("fault", "value"),
    [(fault, value) for fault, values in BAD for value in (*ANYTHING_BUT_A_NAME, *values)],
)
def test_what_could_mean_something_else_in_a_policy_does_not(
    fault: naming.Fault, value: str
) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        naming.checked(fault)(value)
    assert value in str(caught.value) or repr(value) in str(caught.value)


def test_an_alias_of_a_key_is_answered_with_the_way_to_the_key() -> None:
    assert "aws kms describe-key" in str(naming.key_fault(KEY.replace("key/", "alias/")))
