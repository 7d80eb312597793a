"""Messages as text and HTML; pure."""
