#!/usr/bin/env bash
# Remove what a job over several hosts never uses of Ray, and make the rest the same at every build.
#
#   container/image/slim_ray.sh PYTHON PACKAGES     with SOURCE_DATE_EPOCH in the environment
#
# docs/explanation/image.md lists the size of each removal; tests/image/test_ray_image.py uses what stays.
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
cd "$2"

# Scripts: fleetcast is the image's only one, and Ray's `serve` would be found before the program `serve`
rm -rf bin

# Ray's libraries on top of tasks and actors, its interface to Java, and the pages of its dashboard
rm -rf ray/{data,jars,llm,rllib,serve,train,tune,workflow} ray/dashboard/client

# Names of functions in compiled programs, which only a debugger reads
find . -type f \( -name '*.so' -o -name '*.so.*' -o -path '*/ray/core/src/ray/*' -perm -u+x \) -exec strip --strip-unneeded {} +

find . -depth -type d \( -name tests -o -name test \) -exec rm -rf {} +
find . -name '*.pyi' -delete -o -name '*.h' -delete -o -name '*.a' -delete -o -name '*.pxd' -delete
find . -name __pycache__ -exec rm -rf {} +

# The bytecode depends on the text alone, and so do all times
"$1" -m compileall -q -f --invalidation-mode unchecked-hash -j 0 .
find . -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
