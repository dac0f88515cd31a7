"""Pairs on their way between functions, and which reduce step is due.

The three handlers and `running` come in.
"""
