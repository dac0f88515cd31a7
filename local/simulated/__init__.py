"""A simulated AWS on a virtual clock: S3, Lambda, and functions whose computing is only timed.

`local/simulator.py`, the tests and the benchmarks come in.
"""
