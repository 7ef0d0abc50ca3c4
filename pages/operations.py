"""operations page."""
