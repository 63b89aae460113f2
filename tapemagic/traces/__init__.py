"""Observations as plain data, and what follows from them alone. No TensorFlow here."""
