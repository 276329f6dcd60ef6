"""What other programs ask, each with a token of its own: no session, no cookie, JSON in any case."""
