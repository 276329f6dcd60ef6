"""Workbooks that go out: ordered, written in the background, kept for a while, and known to be out."""
