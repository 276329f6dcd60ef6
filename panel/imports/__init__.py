"""Workbooks that come back: gathered, planned, looked at, applied, undone."""
