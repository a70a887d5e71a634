"""How answers are judged, without torch.

`rule` says what a parser sees and says, `answers` and `parsers` hold them, `rules` names those of
each benchmark, `metrics` turns outcomes into numbers. `score` judges a run (`outcomes`: one
prediction), `outputs` what anyone's model said (`given`: its files).
"""
