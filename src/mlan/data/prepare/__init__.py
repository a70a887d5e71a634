"""The data stages of the workflow, one module each, so that each reruns for its own code only.

A stage takes a `mlan.stage.Job`, reads its inputs through `mlan.records`, writes its tables
and finishes the job. Not here: what is in the tables.
"""
