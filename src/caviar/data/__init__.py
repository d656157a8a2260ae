"""Data: arrays, streams, and answers to wrong ones."""
