"""Rows of the security requirements, each test with its row's number: ``@pytest.mark.asvs("R30")``."""
