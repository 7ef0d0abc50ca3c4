"""bulk_message page."""
