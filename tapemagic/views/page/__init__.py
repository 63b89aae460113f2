"""The report as HTML: the page, its parts, its style sheet and its script."""
