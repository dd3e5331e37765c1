"""What the tests of the layer share: wheels for machines that are not this one, and a layer unpacked to be used."""

from __future__ import annotations

import struct
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

from lambda_punch.installer import launcher

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
SITE_PACKAGES = f"python/lib/python{PYTHON}/site-packages"
MACHINES = {62: "x86_64", 183: "aarch64"}  # e_machine in elf.h


def elf_machine(content: bytes) -> str:
    """Return the machine that a compiled file is for, from its ELF header."""
    assert content.startswith(b"\x7fELF")
    (number,) = struct.unpack_from("<H", content, 18)
    return MACHINES[number]


def compiled_file(machine: str, note: str = "") -> bytes:
    """Return the beginning of an ELF file for a machine."""
    (number,) = (number for number, name in MACHINES.items() if name == machine)
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, number) + note.encode()


def write_wheel(directory: Path, tag: str, files: dict[str, bytes], *, name: str = "pyzmq", version: str) -> None:
    """Write a wheel with such files."""
    information = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{information}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
    }
    with zipfile.ZipFile(directory / f"{name}-{version}-{tag}.whl", "w") as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)
        wheel.writestr(f"{information}/RECORD", "".join(f"{path},,\n" for path in (*files, f"{information}/RECORD")))


def unpack(layer: Path, opt: Path) -> Path:
    """Unpack a layer as Lambda does to /opt, for this interpreter; return the extension's executable."""
    with zipfile.ZipFile(layer) as packed:
        for entry in packed.infolist():
            path = Path(packed.extract(entry, opt))
            path.chmod(entry.external_attr >> 16 & 0o777)
    executable = opt / "extensions/lambda-punch"
    assert executable.read_bytes() == launcher.render("/var/lang/bin/python3")
    interpreter = opt.parent / "python3"
    interpreter.symlink_to(sys.executable)
    executable.write_bytes(launcher.render(str(interpreter)))
    return executable


def link_runtime_client(directory: Path) -> None:
    """Make a directory with AWS's runtime client and what it needs, and nothing else of this environment."""
    directory.mkdir()
    for name in ("awslambdaric", "simplejson", "snapshot-restore-py"):
        found = distribution(name)
        for top in {file.parts[0] for file in found.files or [] if ".." not in file.parts}:
            (directory / top).symlink_to(Path(str(found.locate_file(top))))
