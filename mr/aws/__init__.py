"""S3, Lambda and logs as they are used here, and nothing of what a job is.

Every room may come in but `jobs` and `report`.
"""
