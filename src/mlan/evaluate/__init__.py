"""How a model is asked and how its answers are judged.

`engine` (torch) asks, `prompts` words the question, `journal` keeps what is done; `parse` reads
an answer, `metrics` turns outcomes into numbers, `score` does both for a run, without torch.
"""
