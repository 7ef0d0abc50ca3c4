"""limits page."""
