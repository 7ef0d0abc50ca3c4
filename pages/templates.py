"""templates page."""
