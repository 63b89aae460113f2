"""What tracing costs, next to the plain cell and next to TensorFlow's own tools.

``python -m benchmarks --help`` tells how to run them; ``docs/performance.md`` shows the results.
"""
