"""Changing many customers at once: chosen, looked at, written whole, and taken back."""
