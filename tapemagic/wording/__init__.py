"""Words, numbers, columns and escaping: what the diagram and the views have in common."""
