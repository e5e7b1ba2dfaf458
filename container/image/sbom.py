"""Prints the contents of an image as CycloneDX 1.6.

    docker run -i --entrypoint /opt/fleetcast/bin/python IMAGE -B - < container/image/sbom.py

It lists the packages of Python and Debian, Java, and Netty, the only library inside Multi Model Server's jar
that has its version beside it.  build.sh runs it in each image; it needs only the standard library.
"""

import json
import platform
import re
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any
from urllib.parse import quote

Component = dict[str, Any]

DPKG = Path("/var/lib/dpkg/status")
JAVA = Path("/opt/java/release")
NETTY = "/io.netty.versions.properties"


def main() -> None:
    """Print the document; equal images give equal documents."""
    components = {each["purl"]: each for each in (*python(), *debian(), *netty(), *java())}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": "image",
                "name": "fleetcast",
                "version": version("fleetcast"),
                "properties": [{"name": "architecture", "value": platform.machine()}],
            }
        },
        "components": [components[purl] for purl in sorted(components)],
    }
    json.dump(document, sys.stdout, indent=1)
    sys.stdout.write("\n")


def python() -> Iterator[Component]:
    """Yield the installed distributions, and those that Ray brings inside its own package."""
    inside_ray = Path(sys.prefix).glob("lib/python*/site-packages/ray/**/thirdparty_files")
    for each in (*distributions(), *distributions(path=[str(folder) for folder in inside_ray])):
        yield component(each.name, each.version, f"pypi/{each.name.lower().replace('_', '-')}")


def debian() -> Iterator[Component]:
    """Yield the installed Debian packages."""
    for entry in DPKG.read_text().split("\n\n") if DPKG.exists() else []:
        fields = dict(line.split(": ", 1) for line in entry.splitlines() if ": " in line and line[0] != " ")
        if fields.get("Status", "").endswith(" installed"):
            yield component(fields["Package"], fields["Version"], f"deb/debian/{fields['Package']}")


def netty() -> Iterator[Component]:
    """Yield the parts of Netty, the one library whose version is in Multi Model Server's jar."""
    for jar in sorted(Path(sys.prefix).glob("lib/python*/site-packages/mms/frontend/*.jar")):
        with zipfile.ZipFile(jar) as content:
            versions = [each for each in content.infolist() if each.filename.endswith(NETTY)]  # one per part
            for part, number in re.findall(
                r"^([\w-]+)\.version=(\S+)", _texts(content, versions), re.MULTILINE
            ):
                yield component(part, number, f"maven/io.netty/{part}")


def _texts(content: zipfile.ZipFile, files: list[zipfile.ZipInfo]) -> str:
    return "\n".join(content.read(each).decode() for each in files)


def java() -> Iterator[Component]:
    """Yield the Java runtime."""
    if JAVA.exists():
        fields = dict(line.split("=", 1) for line in JAVA.read_text().splitlines() if "=" in line)
        yield component("openjdk", fields["JAVA_VERSION"].strip('"'), "generic/openjdk")


def component(name: str, number: str, place: str) -> Component:
    """Return a component with its package URL, which names its source."""
    purl = f"pkg:{place}@{quote(number, safe='')}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": number, "purl": purl}


if __name__ == "__main__":
    main()
