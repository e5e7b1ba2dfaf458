"""Stands in for `docker run`: runs the entry point on this machine, with the mounts as links."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Read the options of `docker run` that a local run uses; end for any other one."""
    if sys.argv[1:3] == ["rm", "--force"]:
        return
    assert sys.argv[1] == "run", sys.argv
    mounts, variables, entrypoint = [], {}, ""
    words = iter(sys.argv[2:])
    for word in words:
        match word:
            case "--rm":
                pass
            case "--name" | "--user":
                next(words)
            case "-v":
                mounts.append(next(words).removesuffix(":ro").split(":"))
            case "-e":
                name, _, value = next(words).partition("=")
                variables[name] = value
            case "--entrypoint":
                entrypoint = next(words)
            case image:
                print(f"image {image}", flush=True)  # noqa: T201 -- for the test to see
                break
    (base, root), *others = mounts
    assert root == "/opt/ml"
    for source, place in others:
        link = Path(base) / Path(place).relative_to(root)
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(source)
    program = str(Path(sys.executable).with_name(entrypoint))
    os.execve(program, [program, *words], os.environ | variables | {"SAGEMAKER_BASE_DIR": base})  # noqa: S606


if __name__ == "__main__":
    main()
