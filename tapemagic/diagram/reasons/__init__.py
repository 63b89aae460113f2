"""The reasons, laid over the diagram: where the gradient ends, and how that came about."""
