"""The report as Markdown, with the diagram in Mermaid."""
