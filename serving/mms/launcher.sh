#!/bin/sh
# Multi Model Server starts this script as `python`, once per model.  The script redirects the server's
# connection to the shared pool, and then waits for the model to be unloaded.  Its arguments are a worker's:
#   1 script  2 --sock-type  3 unix  4 --sock-name  5 SOCKET  6 --handler  7 HANDLER  8 --model-path  9 FOLDER
#   10 --model-name  11 NAME …
# POOL_FOLDER has one socket per pool process; the number at the end of SOCKET spreads the models over them.
case $1 in
  */model_service_worker.py) ;;
  *) # the script that collects the server's metrics: read its input, or the server logs errors; collect nothing
    while read -r _; do :; done
    exit 0 ;;
esac

# An archive with its own code gets a worker process of its own, if ALLOW_ARCHIVE_CODE permits it
if [ -n "$OWN_CODE_PYTHON" ] && [ -e "$9/code/inference.py" ] \
  && ! grep -qs '"changepoint_prior_scale"' "$9/model.json"; then
  case $9 in "$OWN_CODE_BELOW"/*)
    shift
    # The operator's number of threads for pool processes does not apply to it
    [ -z "$OWN_CODE_THREADS" ] || export OMP_NUM_THREADS="$OWN_CODE_THREADS"
    exec "$OWN_CODE_PYTHON" "$OWN_CODE_WORKER" "$@" ;;
  esac
fi

if [ "${11}" = "$POOL_STORE_NAME" ]; then
  slot=all
else
  slot=$((${5##*.} % POOL_PROCESSES))
fi
redirect() { ln -sf "$POOL_FOLDER/$slot.sock" "$5"; }
# The link is necessary even for a model that will be refused: without it the server waits for over two minutes.
# The server then makes two files of its own.  So remove the pool's spare files if the disk takes no link, and
# also if it did not take all six of them: it may then have room for the link alone
{ [ -e "$POOL_FOLDER/spare-5" ] && redirect "$@" 2> /dev/null; } \
  || { rm -f "$POOL_FOLDER"/spare-*; redirect "$@"; } || exit 1
# The pool sends USR1 once the model is loaded: closing the output ends two of the server's threads
trap 'exec > /dev/null 2>&1; trap "" USR1' USR1
# The pool needs the process id for that signal, and to end the launcher of a model that cannot be loaded
printf '%s %s\0' $$ "${11}" >> "$POOL_FOLDER/$slot.launchers"
echo "MMS worker started."
read -r _ # interrupted by the signal
read -r _ # ends when the server unloads the model or dies
