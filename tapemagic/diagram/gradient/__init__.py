"""Where the gradient went: which inputs got one, also inside opened calls."""
