#!/usr/bin/env bash
# Build the container image.
#
#   ./build.sh [--tag NAME:TAG]      default: fleetcast:<version of pyproject.toml>, and fleetcast:latest
#
# Needs a Docker engine with buildx.  BASE=… in the environment replaces the base image debian:bookworm-slim.
set -euo pipefail
cd "$(dirname "$0")"

version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
tags=(--tag "fleetcast:$version" --tag fleetcast:latest)

fail() { echo "build.sh: $*" >&2; exit 1; }

while (($#)); do
  case $1 in
    --tag) [ $# -ge 2 ] || fail "--tag needs a name such as fleetcast:test"; tags=(--tag "$2"); shift 2 ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) fail "unknown argument $1; ./build.sh --help says what is accepted" ;;
  esac
done

command -v docker >/dev/null || fail "docker is not installed: https://docs.docker.com/engine/install/"
docker info >/dev/null 2>&1 || fail "no Docker engine answers: start it, or set DOCKER_HOST"
docker buildx version >/dev/null 2>&1 || fail "docker has no buildx: install the package docker-buildx"

docker buildx build --load ${BASE:+--build-arg "BASE=$BASE"} "${tags[@]}" --file Dockerfile .
echo "built ${tags[1]}"
