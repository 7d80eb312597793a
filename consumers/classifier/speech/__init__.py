"""Who says what in a piece: its words, its quotes, who is named, and which words are whose."""
