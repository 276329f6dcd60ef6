"""The manager's own workbook with other values in our cells; everything else in it stays as it is, byte for byte.

`running` is the way in; what the process that parses the upload imports does without workbook libraries.
"""
