"""Renderings of a report: page, terminal text, Markdown and pictures from the same parts."""
