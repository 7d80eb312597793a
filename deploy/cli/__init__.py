"""The `vigia` command, one file per noun."""
