"""Data: arrays, streams, and the errors about wrong ones."""
