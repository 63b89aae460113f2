"""The diagram as Graphviz source, and how everything in it looks."""
