"""A question in SQL at the terminal: its input looked at, parsed, divided, finished, written.

The terminal comes in. Nothing of this is in a function's zip.
"""
