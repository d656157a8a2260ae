"""Side-by-side speed of caviar and its peers; `python -m benchmarks`."""
