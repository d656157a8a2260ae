"""Images as arrays, one (height, width, channels) or a batch of them: their size, place, colours and edges."""
