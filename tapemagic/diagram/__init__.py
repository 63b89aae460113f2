"""The graph of a report as plain data, and as Graphviz source."""
