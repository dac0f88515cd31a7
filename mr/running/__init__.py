"""A run of a job: asked for, planned, checked, started, watched.

The driver, `views` and `terminal` come in. It runs inside Lambda too: nothing of a terminal here.
"""
