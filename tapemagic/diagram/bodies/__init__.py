"""Calls of functions, opened: the ops of their bodies stand in their place."""
