"""How answers are judged, without torch.

`parse` reads an answer, `answers` says whether it is right, `metrics` turns outcomes into
numbers, `score` does it for a run.
"""
