"""Questions that people asked about gradients, as cells of our own, each with its true answer."""
