#!/usr/bin/env bash
# Check a pushed image on SageMaker: create a multi-model endpoint with one archive, request a forecast, delete everything.
#
#   examples/verify_on_aws.sh --image URI --role ARN --bucket NAME --archive FILE
#
#   --image URI            the pushed image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/fleetcast:0.1.0-amd64
#   --role ARN             a role that SageMaker may take, with AmazonSageMakerFullAccess or less
#   --bucket NAME          a bucket in the image's region; the archive is put below fleetcast-verify-…/ and removed
#   --archive FILE         a customer's archive, such as demo/ml/checkpoints/7.tar.gz
#   --instance-type TYPE   default: ml.m5.large, for an image that ends on -arm64 ml.c7g.large
#   --yes                  do not ask for confirmation
#   --dry-run              print the commands; needs neither the AWS CLI nor credentials
#
# It prints the cost first, and the forecast last; the exit code is the result.  It needs the AWS CLI, and credentials
# that may write to the bucket, pass the role, and create, invoke and delete models, endpoint configurations and endpoints.
set -euo pipefail

image='' role='' bucket='' archive='' instance='' yes='' dry=''
name=fleetcast-verify-$(date -u +%Y%m%d-%H%M%S)-$$
limit_minutes=30
# Functions that delete what was, or may have been, created; in the order of creation
undo=()

fail() { echo "verify_on_aws.sh: $*" >&2; exit 1; }

usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

# Run a command without its output, or print it so that it could be pasted
run() {
  local line
  if [ -n "$dry" ]; then
    printf -v line ' %q' "$@"
    echo "${line# }"
  else
    "$@" >/dev/null
  fi
}

read_arguments() {
  while (($#)); do
    case $1 in
      --yes) yes=1; shift; continue ;;
      --dry-run) dry=1; shift; continue ;;
      -h | --help) usage; exit 0 ;;
      --image | --role | --bucket | --archive | --instance-type) (($# > 1)) || fail "$1 needs a value; --help says which" ;;
      *) fail "unknown argument $1; --help says what is accepted" ;;
    esac
    case $1 in
      --image) image=$2 ;;
      --role) role=$2 ;;
      --bucket) bucket=$2 ;;
      --archive) archive=$2 ;;
      --instance-type) instance=$2 ;;
    esac
    shift 2
  done
}

choose_region_and_instance() {
  [ -n "$image" ] && [ -n "$role" ] && [ -n "$bucket" ] && [ -n "$archive" ] \
    || fail "--image, --role, --bucket and --archive are needed; --help explains them"
  [[ $image =~ \.ecr\.([a-z0-9-]+)\.amazonaws\.com ]] || fail "--image must be an image in ECR, not '$image'"
  region=${BASH_REMATCH[1]}
  if [ -z "$instance" ]; then
    instance=ml.m5.large
    [[ $image != *-arm64 ]] || instance=ml.c7g.large
  fi
  customer=$(basename "$archive")
  target=(--region "$region" --endpoint-name "$name")
}

check() {
  [ -f "$archive" ] || fail "there is no archive $archive"
  command -v aws >/dev/null || fail "the AWS CLI is not installed: https://docs.aws.amazon.com/cli/"
  aws sts get-caller-identity --region "$region" >/dev/null \
    || fail "no AWS credentials that work: aws configure, aws sso login, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
}

# The prices are on-demand ones of real-time inference in us-east-1; other regions differ by up to a half
print_cost() {
  local price=''
  case $instance in
    ml.m5.large) price=0.115 ;;
    ml.c7g.large) price=0.10 ;;
  esac
  echo "One $instance in $region for about 10 minutes, and no longer than $limit_minutes: AWS bills it by the second."
  if [ -n "$price" ]; then
    awk -v price="$price" -v limit="$limit_minutes" 'BEGIN {
      printf "At about %.3f USD an hour (us-east-1): %.2f USD, at most %.2f USD.\n", price, price / 6, price * limit / 60 }'
  fi
  echo "Your region's price: https://aws.amazon.com/sagemaker/ai/pricing/"
}

confirm() {
  if [ -n "$yes$dry" ]; then return; fi
  local answer=''
  read -r -p "Create it? [y/N] " answer || true
  [[ $answer == [yY]* ]] || fail "nothing was created"
}

create() {
  undo+=(delete_archive)
  run aws s3 cp --only-show-errors --region "$region" "$archive" "s3://$bucket/$name/$customer"
  undo+=(delete_model)
  run aws sagemaker create-model --region "$region" --model-name "$name" --execution-role-arn "$role" \
    --primary-container "Image=$image,Mode=MultiModel,ModelDataUrl=s3://$bucket/$name/"
  undo+=(delete_endpoint_config)
  run aws sagemaker create-endpoint-config --region "$region" --endpoint-config-name "$name" --production-variants \
    "VariantName=all,ModelName=$name,InstanceType=$instance,InitialInstanceCount=1"
  undo+=(delete_endpoint)
  run aws sagemaker create-endpoint "${target[@]}" --endpoint-config-name "$name"
}

wait_for_service() {
  local describe=(aws sagemaker describe-endpoint "${target[@]}" --output text --query) status=''
  if [ -n "$dry" ]; then run aws sagemaker wait endpoint-in-service "${target[@]}"; return; fi
  echo "the endpoint $name is being created"
  until [ "$status" = InService ]; do
    ((SECONDS < limit_minutes * 60)) || fail "the endpoint is not in service after $limit_minutes minutes"
    [ -z "$status" ] || sleep 15
    status=$("${describe[@]}" EndpointStatus)
    [ "$status" != Failed ] || fail "the endpoint failed: $("${describe[@]}" FailureReason)"
  done
  echo "in service after $SECONDS s"
}

forecast() {
  local invoke=(aws sagemaker-runtime invoke-endpoint "${target[@]}" --target-model "$customer"
    --content-type application/json)
  if [ -n "$dry" ]; then
    echo "echo '{\"period\": 7}' >request.json"
    run "${invoke[@]}" --body fileb://request.json answer.json
    return
  fi
  echo '{"period": 7}' >"$work/request.json"
  "${invoke[@]}" --body "fileb://$work/request.json" "$work/answer.json" >/dev/null
  cat "$work/answer.json"; echo
  [ "$(grep -o '"yhat":' "$work/answer.json" | wc -l)" -eq 7 ] || fail "this is not a forecast of 7 days"
}

delete_archive() { delete aws s3 rm --only-show-errors --region "$region" "s3://$bucket/$name/$customer"; }
delete_model() { delete aws sagemaker delete-model --region "$region" --model-name "$name"; }
delete_endpoint_config() {
  delete aws sagemaker delete-endpoint-config --region "$region" --endpoint-config-name "$name"
}
delete_endpoint() {
  delete aws sagemaker delete-endpoint "${target[@]}" && run aws sagemaker wait endpoint-deleted "${target[@]}"
}

# An endpoint that is still being created refuses to be deleted
delete() {
  if [ -n "$dry" ]; then run "$@"; return 0; fi
  local output until=$((SECONDS + limit_minutes * 60))
  while ! output=$("$@" 2>&1); do
    [[ $output != *"Could not find"* && $output != *NoSuchBucket* ]] || return 0
    if [[ $output != *ValidationException* ]] || ((SECONDS > until)); then
      echo "verify_on_aws.sh: NOT DELETED: $output; delete it with: $*" >&2
      return 1
    fi
    sleep 10
  done
}

# Delete everything that was created, last first; continue after a failure
clean_up() {
  local code=$? i
  trap '' INT TERM
  for ((i = ${#undo[@]} - 1; i >= 0; i--)); do "${undo[i]}" || code=1; done
  if [ -z "$dry" ]; then
    rm -rf "$work"
    if ((${#undo[@]} && !code)); then echo "everything is deleted again; the image works on SageMaker"; fi
  fi
  exit "$code"
}

read_arguments "$@"
choose_region_and_instance
[ -n "$dry" ] || check
print_cost
confirm
[ -n "$dry" ] || work=$(mktemp -d)
trap clean_up EXIT
trap 'exit 130' INT TERM
create
wait_for_service
forecast
