"""Many runs of a job under different settings, compared: plans, runs, a table, what it shows.

experiment.py and `terminal` come in. Runs are made by the project's own commands, as a person would
make them.
"""
