"""What starts Vigía: the command line, the embedded stack, the demo."""
