"""The nodes of the diagram: what each is, and what stands in it."""
