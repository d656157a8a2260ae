"""Fronts that spell the same graph as other libraries do: names and defaults, no engine of their own."""
