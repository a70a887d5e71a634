"""The page of a study: one HTML file with the answer, the verdicts and the way back to every run.

`stage` reads, composes and writes; `template` holds the markup; one module for each part of the
page between them. Not here: estimates, figures and tables, which are read as others wrote them.
"""
