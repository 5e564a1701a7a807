#!/bin/sh
# on_read_only.sh FOLDER COMMAND...: runs a command for which a folder can only be read. In a mount namespace of its own.
set -eu
folder=$1
shift
mkdir -p "$folder"
mount --bind "$folder" "$folder"
mount -o remount,bind,ro "$folder"
exec "$@"
