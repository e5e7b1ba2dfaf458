#!/bin/sh
# What Multi Model Server starts as `python` for each model: it leads the server's connection to the shared
# pool, and then waits.  The arguments are the worker's:
#   1 script  2 --sock-type  3 unix  4 --sock-name  5 SOCKET  6 --handler  7 HANDLER  8 --model-path  9 FOLDER
#   10 --model-name  11 NAME …
# POOL_FOLDER has a socket per process of the pool; models are spread by the number at the end of SOCKET.
case $1 in
  */model_service_worker.py) ;;
  *) # the server's own metrics are not collected; what it wants to tell is read, or it complains
    while read -r _; do :; done
    exit 0 ;;
esac

# An archive that brings its own code, where the operator allows that: a worker of its own, as published
if [ -n "$OWN_CODE_PYTHON" ] && [ -e "$9/code/inference.py" ] \
  && ! grep -qs '"changepoint_prior_scale"' "$9/model.json"; then
  case $9 in "$OWN_CODE_BELOW"/*)
    shift
    # A process of the pool has one thread; such a worker is alone with its model
    [ -z "$OWN_CODE_THREADS" ] || export OMP_NUM_THREADS="$OWN_CODE_THREADS"
    exec "$OWN_CODE_PYTHON" "$OWN_CODE_WORKER" "$@" ;;
  esac
fi

if [ "${11}" = "$POOL_STORE_NAME" ]; then
  slot=all
else
  slot=$((${5##*.} % POOL_PROCESSES))
fi
lead() { ln -sf "$POOL_FOLDER/$slot.sock" "$5"; }
# Where the disk takes no new file, the pool keeps some that can go: if this fails, the server stands still
lead "$@" 2> /dev/null || { rm -f "$POOL_FOLDER"/spare-*; lead "$@"; } || exit 1
# The pool signals once the model is loaded: then nobody needs to listen to this process any more
trap 'exec > /dev/null 2>&1; trap "" USR1' USR1
# By its process id the pool signals, or ends a launcher whose model cannot be loaded
printf '%s %s\0' $$ "${11}" >> "$POOL_FOLDER/$slot.launchers"
echo "MMS worker started."
read -r _ # until the signal
read -r _ # until the server closes its end or dies
