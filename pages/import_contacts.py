"""import_contacts page."""
