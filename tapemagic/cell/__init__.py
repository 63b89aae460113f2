"""The person's cell as text: its statements and names, and its rewriting for observation."""
