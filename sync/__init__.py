"""Carry tables of typed records to workbooks and back, losing nobody's edit.

The package knows no web framework, no database and no customer: fields, rows and
revisions come in as plain values, and a plan comes out as data.
"""
