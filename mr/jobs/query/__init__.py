"""What the job `sql` is made of: what is asked, how rows are read, partial aggregates.

The job comes in, and `asking`, which writes what is asked and finishes the answer.
"""
