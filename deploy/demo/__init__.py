"""A small news site on 127.0.0.1 and the pieces it serves."""
