"""From a file on disk to a function in Lambda: scns.json read and checked, bundles, deployment.

The doors come in: setupApps.py, and patch-botocore.py for the copy of botocore; spotgraph.py for
clients alone. Of the other rooms this one knows `spotwrap/`, which it zips with wrapped functions.
Nothing here runs inside Lambda.
"""
