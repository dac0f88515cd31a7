"""The page about a finished job: one HTML file.

`terminal` comes in.
"""
