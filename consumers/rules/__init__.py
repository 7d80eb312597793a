"""What each kind of rule finds: facts in, findings out; `reading` asks the archive for the facts."""
