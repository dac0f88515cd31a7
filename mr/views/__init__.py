"""Facts about a job, read from S3: where it is, what it did, used and cost.

`report` and `terminal` come in. Nothing of it is in a function's zip.
"""
