"""The digest of a day or a week: what is asked, what is found noteworthy, how it is told."""
