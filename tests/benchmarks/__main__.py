"""Compare speed and memory with other libraries, side by side: `python -m tests.benchmarks [ROWS]`.

`python -m tests.benchmarks libraries [ROWS]` measures the writer and the reader alone,
`python -m tests.benchmarks lists [ROWS]` the customer list,
`python -m tests.benchmarks access [ROWS]` what networks ask, and
`python -m tests.benchmarks year [CUSTOMERS]` a year of the daily run.
"""

from __future__ import annotations

import sys

from tests.benchmarks import access, libraries, lists, promises, year

OTHERS = {"libraries": libraries.main, "lists": lists.main, "access": access.main, "year": year.main}

if __name__ == "__main__":
    name, *rest = sys.argv[1:] or [""]
    if name in OTHERS:
        OTHERS[name](rest)
    else:
        promises.main(sys.argv[1:])
