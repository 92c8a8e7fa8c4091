"""Reference runs: one script a chapter, each of which writes `results/<name>.json` for the book to read."""
