"""audience page."""
