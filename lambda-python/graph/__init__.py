"""The picture of who called whom in a job: the graph of causes, and how it is drawn.

spotgraph.py comes in. It reads what `spotwrap/` recorded; all of it is pure but for the reading of
the page's parts.
"""
