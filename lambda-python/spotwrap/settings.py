"""What a wrapped function is told: `spotwrap.json` beside its code.

setupApps writes it and the wrapper reads it, both with what stands here. Nothing of AWS is needed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

FILE = "spotwrap.json"

TABLE = "spotFns"
"""The name of SpotWrap's table, where nobody names another."""

_ADDRESS = re.compile(r"s3://([^/]+)/spotwrap/botocore-(.+)-([^-]+)\.zip")


@dataclass(frozen=True)
class Address:
    """Where a patched botocore lies in S3. Another content has another digest, so another key."""

    bucket: str
    version: str
    digest: str

    @property
    def key(self) -> str:
        """Its key in the bucket."""
        return f"spotwrap/botocore-{self.version}-{self.digest}.zip"

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address in a text that `str` made. ValueError where it is none."""
        if found := _ADDRESS.fullmatch(text):
            return cls(*found.groups())
        raise ValueError(f"{text!r} is not the address of a patched botocore")


@dataclass(frozen=True)
class Settings:
    """`handler` is the function's own; `owner` the account that must own the library's bucket.

    `patience` is how many seconds of the function's time the library, or the table, may keep it
    waiting.
    """

    handler: str
    library: Address
    owner: str
    patience: int
    table: str
    table_region: str

    def text(self) -> str:
        """The file's content."""
        value = {
            "handler": self.handler,
            "library": str(self.library),
            "owner": self.owner,
            "patience": self.patience,
            "table": self.table,
            "tableRegion": self.table_region,
        }
        return json.dumps(value, indent=2, sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> Settings:
        """The settings in a file's content."""
        value = json.loads(text)
        return cls(
            handler=value["handler"],
            library=Address.parse(value["library"]),
            owner=value["owner"],
            patience=value["patience"],
            table=value["table"],
            table_region=value["tableRegion"],
        )
