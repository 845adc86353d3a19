"""What is painted: pure functions from the venue to lines of text."""
