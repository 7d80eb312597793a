"""`vigia search`: one row a story, with the words that matched."""


def search() -> None:
    """Search."""
