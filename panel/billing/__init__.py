"""Billing: what is charged on which day, and which customers the daily run moves because of it."""
