"""What is computed: the contract of a job, and the jobs that ship.

The mapper, the reducer and `shuffle` come in; a job imports nothing of the project but `jobs`.
"""
