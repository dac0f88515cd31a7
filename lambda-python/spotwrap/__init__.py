"""What runs inside a wrapped function, and each shape that it shares with others.

SpotWrap.py, its door in Lambda, comes in; so do `deploy/`, which writes the settings and the
library that are read here, and `graph/` and spotgraph.py, which read the records that are written
here. Standard library, boto3 and botocore only; it knows no other room.
"""
