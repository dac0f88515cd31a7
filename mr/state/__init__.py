"""What the functions tell each other through S3: keys, events, records, outputs, each spelled once.

Writers and readers use the same lines. `inputs`, `shuffle` and all rooms above come in.
"""
