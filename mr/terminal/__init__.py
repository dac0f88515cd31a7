"""Words and screens: command lines, arguments, the live display.

The doors come in: `job`, and `driver`'s `main` when it is called. Nothing of it is in a zip.
"""
