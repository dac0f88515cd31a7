"""A mapper streams: its memory does not grow with an object's size."""

from __future__ import annotations

from local.emulator import Emulator
from tests.cloud import cloud_on

ROWS = b"".join(
    f"{n % 250}.23.87.{n % 99},http://a.example/x,1999-12-31,0.5,Agent,USA,USA-EN,word,3\n".encode()
    for n in range(12_000)
)
GROWTH_KIB = 30_000


def test_an_object_of_100_mb_needs_no_more_memory_than_one_of_1_mb(
    emulator: Emulator, tmp_path
) -> None:
    fields = {"suffix": "-memory", "timeout": 120}
    cloud = cloud_on(emulator, tmp_path, "memory-jobs", "memory-data", **fields)
    cloud.suffix = "-memory"
    cloud.deploy()
    peaks = []
    for times in (1, 120):
        cloud.put_input(f"{times}/", [ROWS * times])
        done = cloud.driver(f"job{times}", "--wait4reducers", prefix=f"{times}/")
        assert done.returncode == 0, done.stderr
        head = cloud.s3.head_object(Bucket=cloud.bucket, Key=f"job{times}/task/mapper/1")
        peaks.append(int(head["Metadata"]["memoryusage"]))
    assert len(ROWS) * 120 > 100_000_000
    assert peaks[1] - peaks[0] < GROWTH_KIB
