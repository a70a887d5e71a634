"""Stage `page`: summary, figures, items and answers to report.html and cards."""

from mlan.report.page.stage import page
from mlan.stage import main

if __name__ == "__main__":
    main("page", page)
