#!/usr/bin/env bash
# Build the container image for one or both architectures, and push it to Amazon ECR.
#
#   ./build.sh [--local]      build this machine's architecture; nothing is pushed
#   ./build.sh --push         build both architectures and push them
#   ./build.sh --push-only    push what was built before
#
#   --arch amd64|arm64|both   amd64 is made from Dockerfile, arm64 (Graviton) from Dockerfile.arm64
#   --variant default|ray|both
#                             ray has Ray and XGBoost besides, for jobs over several hosts and global models;
#                             its tags end in -ray; default: default
#   --tag NAME:TAG            default: fleetcast:<version of pyproject.toml>; NAME is the ECR repository, too
#   --region REGION           default: AWS_REGION, AWS_DEFAULT_REGION or the AWS CLI's configuration
#   --context DIR             the folder with the Dockerfiles; default: the one of build.sh
#   --dry-run                 print the commands; needs neither Docker nor credentials
#
# The images are NAME:TAG-amd64 and NAME:TAG-arm64.  On this machine the image of its own architecture is also
# NAME:TAG and, without --tag, fleetcast:latest.  In ECR NAME:TAG is the multi-architecture tag (a manifest list),
# pushed when both images are.  build/NAME-TAG-ARCH.cdx.json lists the content of each image (CycloneDX).  With
# --variant ray all of this holds for NAME:TAG-ray and fleetcast:latest-ray.
# Needs a Docker engine with buildx, and to push the AWS CLI with credentials; the repository is created if missing.
# Environment: BASE replaces the base image; SOURCE_DATE_EPOCH is the image's time (default: the last commit's).
set -euo pipefail

root=$(dirname "$0")
mode=local arch='' variant=default tag='' region='' context=$root dry=''
docker_v2=application/vnd.docker.distribution.manifest

fail() { echo "build.sh: $*" >&2; exit 1; }

usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

# Run a command, or print it so that it could be pasted
run() {
  local line
  if [ -n "$dry" ]; then
    printf -v line ' %q' "$@"
    echo "${line# }"
  else
    "$@"
  fi
}

read_arguments() {
  while (($#)); do
    case $1 in
      --local | --push | --push-only) mode=${1#--}; shift; continue ;;
      --dry-run) dry=1; shift; continue ;;
      -h | --help) usage; exit 0 ;;
      --arch | --variant | --tag | --region | --context) (($# > 1)) || fail "$1 needs a value; ./build.sh --help says which" ;;
      *) fail "unknown argument $1; ./build.sh --help says what is accepted" ;;
    esac
    case $1 in
      --arch) arch=$2 ;;
      --variant) variant=$2 ;;
      --tag) tag=$2 ;;
      --region) region=$2 ;;
      --context) context=$2 ;;
    esac
    shift 2
  done
}

choose_images() {
  case $(uname -m) in
    x86_64 | amd64) own=amd64 ;;
    aarch64 | arm64) own=arm64 ;;
    *) own='' ;;
  esac
  if [ "$mode" = local ]; then arch=${arch:-$own}; else arch=${arch:-both}; fi
  case $arch in
    amd64 | arm64) arches=("$arch") ;;
    both) arches=(amd64 arm64) ;;
    *) fail "--arch must be amd64, arm64 or both, not '$arch'" ;;
  esac
  case $variant in
    default) suffixes=('') ;;
    ray) suffixes=(-ray) ;;
    both) suffixes=('' -ray) ;;
    *) fail "--variant must be default, ray or both, not '$variant'" ;;
  esac
  latest=''
  if [ -z "$tag" ]; then
    tag=fleetcast:$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/pyproject.toml")
    latest=fleetcast:latest
  fi
  [[ $tag =~ ^[a-z0-9._/-]+:[A-Za-z0-9._-]+$ ]] || fail "--tag must be a name such as fleetcast:test, not '$tag'"
  name=${tag%:*}
  epoch=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || true)}
}

check_docker() {
  command -v docker >/dev/null || fail "docker is not installed: https://docs.docker.com/engine/install/"
  docker info >/dev/null 2>&1 || fail "no Docker engine answers: start it, or set DOCKER_HOST"
  if [ "$mode" = push-only ]; then check_images; else check_builder; fi
}

check_builder() {
  docker buildx version >/dev/null 2>&1 || fail "docker has no buildx: install the package docker-buildx"
  local platforms
  platforms=$(docker buildx inspect)
  for a in "${arches[@]}"; do
    [ -f "$context/$(dockerfile "$a")" ] || fail "there is no $(dockerfile "$a") in $context"
    grep -q "linux/$a" <<<"$platforms" \
      || fail "no emulation of linux/$a here: docker run --privileged --rm tonistiigi/binfmt --install $a"
  done
}

check_images() {
  local found image
  for suffix in "${suffixes[@]}"; do
    for a in "${arches[@]}"; do
      image=$tag$suffix-$a
      found=$(docker image inspect --format '{{.Architecture}}' "$image" 2>/dev/null) \
        || fail "there is no image $image: ./build.sh --local --arch $a${suffix:+ --variant ray} builds it"
      [ "$found" = "$a" ] || fail "$image is an image for $found"
    done
  done
}

check_aws() {
  command -v aws >/dev/null || fail "the AWS CLI is not installed: https://docs.aws.amazon.com/cli/"
  region=${region:-${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}}
  [ -n "$region" ] || fail "no AWS region: name it with --region, or set AWS_REGION"
  aws sts get-caller-identity --region "$region" >/dev/null \
    || fail "no AWS credentials that work: aws configure, aws sso login, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
}

dockerfile() { if [ "$1" = arm64 ]; then echo Dockerfile.arm64; else echo Dockerfile; fi; }

build() { # SUFFIX ARCH
  local image=$tag$1-$2 names=()
  names=(--tag "$image")
  [ "$2" != "$own" ] || names+=(--tag "$tag$1" ${latest:+--tag "$latest$1"})
  # Neither attestations nor OCI media types: SageMaker's CreateModel refuses both
  run docker buildx build --platform "linux/$2" --provenance=false --sbom=false \
    --output type=docker,oci-mediatypes=false ${BASE:+--build-arg "BASE=$BASE"} \
    ${epoch:+--build-arg "SOURCE_DATE_EPOCH=$epoch"} ${1:+--target "${1#-}"} "${names[@]}" \
    --file "$context/$(dockerfile "$2")" "$context"
  [ -n "$dry" ] || echo "built $image"
  write_sbom "$image" "$2"
}

# List the content of an image
write_sbom() { # IMAGE ARCH
  local script=$context/container/image/sbom.py file=$root/build/${1//[:\/]/-}.cdx.json
  [ -f "$script" ] || return 0
  local listing=(docker run --rm --interactive --network none --platform "linux/$2"
    --entrypoint /opt/fleetcast/bin/python "$1" -B -)
  if [ -n "$dry" ]; then echo "${listing[*]} <$script >$file"; return; fi
  mkdir -p "$root/build"
  "${listing[@]}" <"$script" >"$file.part"
  mv "$file.part" "$file"
  echo "listed its content in ${file#"$root"/}"
}

# Set `uri`, such as 123456789012.dkr.ecr.eu-central-1.amazonaws.com/fleetcast; create the repository if it is missing
find_repository() {
  local answer ask=(--region "$region" --output text --query)
  local describe=(aws ecr describe-repositories "${ask[@]}" 'repositories[0].repositoryUri' --repository-names "$name")
  if uri=$("${describe[@]}" 2>/dev/null); then return; fi
  answer=$("${describe[@]}" 2>&1 || true)
  [[ $answer == *RepositoryNotFoundException* ]] || fail "ECR did not describe the repository $name: $answer"
  uri=$(aws ecr create-repository "${ask[@]}" repository.repositoryUri --repository-name "$name")
  echo "created the repository $uri"
}

log_in() {
  aws ecr get-login-password --region "$region" | docker login --username AWS --password-stdin "${uri%%/*}" >/dev/null \
    || fail "${uri%%/*} refuses the login"
}

# Print what find_repository and log_in would do
print_repository() {
  region=${region:-${AWS_REGION:-${AWS_DEFAULT_REGION:-REGION}}} uri=ACCOUNT.dkr.ecr.$region.amazonaws.com/$name
  echo "aws ecr describe-repositories --region $region --repository-names $name ||" \
    "aws ecr create-repository --region $region --repository-name $name"
  echo "aws ecr get-login-password --region $region | docker login --username AWS --password-stdin ${uri%%/*}"
}

push() { # SUFFIX ARCH
  local pushed=$uri:${tag##*:}$1-$2
  run docker tag "$tag$1-$2" "$pushed"
  run docker push --quiet "$pushed"
  check_media_types "$pushed" "$docker_v2.v2+json"
}

push_list() { # SUFFIX
  local list=$uri:${tag##*:}$1
  # Docker would push the list that an aborted push left on this machine instead of a new one
  [ -n "$dry" ] || docker manifest rm "$list" >/dev/null 2>&1 || true
  run docker manifest create "$list" "$list-amd64" "$list-arm64"
  run docker manifest push --purge "$list"
  check_media_types "$list" "$docker_v2.list.v2+json"
}

# Check the media types in the registry: SageMaker's CreateModel refuses those of OCI
check_media_types() { # IMAGE EXPECTED
  if [ -n "$dry" ]; then run docker manifest inspect "$1"; return; fi
  local types
  types=$(docker manifest inspect "$1" | sed -n 's/.*"mediaType": *"\([^"]*\)".*/\1/p' | sort -u)
  if ! grep -qxF "$2" <<<"$types" || grep -qv '^application/vnd\.docker\.' <<<"$types"; then
    fail "$1 was pushed as $(echo "$types" | tr '\n' ' ')where SageMaker needs $2"
  fi
  echo "pushed $1"
}

read_arguments "$@"
choose_images
if [ -z "$dry" ]; then
  check_docker
  if [ "$mode" != local ]; then check_aws; fi
fi
if [ "$mode" != push-only ]; then
  for suffix in "${suffixes[@]}"; do
    for a in "${arches[@]}"; do build "$suffix" "$a"; done
  done
fi
if [ "$mode" != local ]; then
  if [ -n "$dry" ]; then print_repository; else find_repository; log_in; fi
  for suffix in "${suffixes[@]}"; do
    for a in "${arches[@]}"; do push "$suffix" "$a"; done
    if [ "${#arches[@]}" = 2 ]; then push_list "$suffix"; fi
  done
fi
