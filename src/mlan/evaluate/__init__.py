"""How a model is asked.

`engine` (torch) asks, `prompts` words the question, `journal` keeps what is done, `predict` does
it for a run. Not here: whether an answer is right (`mlan.score`).
"""
