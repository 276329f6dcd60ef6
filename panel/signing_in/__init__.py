"""Who is there, and since when: passwords, second factors, sessions, and how often somebody may try."""
