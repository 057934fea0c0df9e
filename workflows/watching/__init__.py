"""Watching a model that serves: the log of what it answered, drift of what it is asked, and what turned out true."""
