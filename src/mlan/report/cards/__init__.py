"""Cards of a study: its data, its models, the licences of all it uses, and what it reports.

Markdown and CSV that go with results when they are passed on. Every number is copied from a
finished job; nothing is estimated here.
"""
