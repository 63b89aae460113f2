"""Why each source got what it got, from the trace alone. No TensorFlow here."""
