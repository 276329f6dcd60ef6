"""Files of customers: what is permitted, where the bytes lie, whose each is."""
