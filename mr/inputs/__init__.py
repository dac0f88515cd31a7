"""From objects in S3 to blocks of whole lines: reading, splitting, unpacking.

The mapper and `running` come in.
"""
