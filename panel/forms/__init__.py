"""What people type into the panel's pages, on its way to a value."""
