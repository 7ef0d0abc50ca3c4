"""One thin file per page; `pages.ui` holds what they share."""
