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
# package and version → path inside it → (our name, SHA-256). Licences: Tabler and Chart.js MIT, htmx 0BSD,
# Tom Select Apache 2.0, Leaflet BSD, as their files say.
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
    "htmx.org@4.0.1": {
        "package/dist/htmx.min.js": (
            "htmx.min.js",
            "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
        ),
    },
    "tom-select@2.6.2": {
        "package/dist/js/tom-select.complete.min.js": (
            "tom-select.min.js",
            "8f9d7d3420e938c2c9817818b56df43ea46feae5bf1f5a2e828863c034df0e37",
        ),
        "package/dist/css/tom-select.bootstrap5.min.css": (
            "tom-select.min.css",
            "ce467598f8953044ddfc0ff9fd4b7e2f6cced549001737d6b712a14f8b9a6599",
        ),
    },
    "chart.js@4.6.1": {
        "package/dist/chart.umd.min.js": (
            "chart.min.js",
            "87364cc2b2a76a6684929e7d6b80b18a897794db38400caff1fcf1791c6925d2",
        ),
    },
    "leaflet@1.9.4": {
        "package/dist/leaflet.js": (
            "leaflet.js",
            "db49d009c841f5ca34a888c96511ae936fd9f5533e90d8b2c4d57596f4e5641a",
        ),
        "package/dist/leaflet.css": (
            "leaflet.css",
            "a7837102824184820dfa198d1ebcd109ff6d0ff9a2672a074b9a1b4d147d04c6",
        ),
        "package/dist/images/marker-icon.png": (
            "images/marker-icon.png",
            "574c3a5cca85f4114085b6841596d62f00d7c892c7b03f28cbfa301deb1dc437",
        ),
        "package/dist/images/marker-icon-2x.png": (
            "images/marker-icon-2x.png",
            "00179c4c1ee830d3a108412ae0d294f55776cfeb085c60129a39aa6fc4ae2528",
        ),
        "package/dist/images/marker-shadow.png": (
            "images/marker-shadow.png",
            "264f5c640339f042dd729062cfc04c17f8ea0f29882b538e3848ed8f10edb4da",
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
            _store(FOLDER / name, content)
    return 0


def _store(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


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
