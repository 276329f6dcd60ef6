"""Fetch the style sheet and script that pages use, once and checked, so that no page asks another host for them.

``python -m panel.vendor`` needs npm, and the network; run it only to raise a version.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "static" / "vendor"
# package and version → path inside it → (our name, SHA-256); Tabler is under the MIT licence, as its files say.
PINNED: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "@tabler/core@1.6.1": {
        "package/dist/css/tabler.min.css": (
            "tabler.min.css",
            "370a2d4e608ae518351d10528fc7dbe19b354ae5062c51b2a9cb294850d65403",
        ),
        "package/dist/js/tabler.min.js": (
            "tabler.min.js",
            "9d26ca1aa061a0c647305654e32efc2c8838e348b2423e9d1f4593869868e09b",
        ),
    },
}


def main() -> int:
    """Replace the vendored files; return the exit status."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is needed to fetch the files. Install Node.js, and run this again.")
    for package, wanted in PINNED.items():
        for name, content in _files(npm, package, wanted).items():
            (FOLDER / name).write_bytes(content)
    return 0


def _files(npm: str, package: str, wanted: Mapping[str, tuple[str, str]]) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        packing = [npm, "pack", "--silent", "--pack-destination", folder, package]
        subprocess.run(packing, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - pinned names only
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            return {name: _checked(archive, path, sha256) for path, (name, sha256) in wanted.items()}


def _checked(archive: tarfile.TarFile, path: str, sha256: str) -> bytes:
    member = archive.extractfile(path)
    content = member.read() if member else b""
    if hashlib.sha256(content).hexdigest() != sha256:
        sys.exit(f"{path} is not the file that was pinned. Nothing of it was stored.")
    return content


if __name__ == "__main__":
    sys.exit(main())
