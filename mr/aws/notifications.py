"""A bucket's notification configuration: which of its entries a job's outputs wake; pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus


def covering_entry(configuration: dict[str, Any], task_prefix: str) -> dict[str, Any] | None:
    """The entry of a bucket's configuration that sends a job's outputs to a function; pure."""
    for entry in configuration.get("LambdaFunctionConfigurations", []):
        if _wants_puts(entry) and _filter_passes(entry, task_prefix):
            return dict(entry)
    return None


def _wants_puts(entry: dict[str, Any]) -> bool:
    return bool({"s3:ObjectCreated:*", "s3:ObjectCreated:Put"} & set(entry.get("Events", [])))


def _filter_passes(entry: dict[str, Any], task_prefix: str) -> bool:
    rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    # S3 has filter values as a URL has them: a space is "+", and "=" is "%3D".
    wanted = {rule["Name"].lower(): unquote_plus(rule.get("Value", "")) for rule in rules}
    return f"{task_prefix}/".startswith(wanted.get("prefix", "")) and not wanted.get("suffix")
