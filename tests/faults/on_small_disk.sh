#!/bin/sh
# on_small_disk.sh FOLDER COMMAND...: runs a command for which a folder is a file system of 16 MiB, then empties it of
# its ballast and keeps what is there. In a mount namespace of its own.
set -eu
folder=$1
shift
disk=$(mktemp -d)
mount -t tmpfs -o size=16m none "$disk"
cp -a "$folder/." "$disk"
mkdir "$disk.under"
mount --bind "$folder" "$disk.under"
mount --bind "$disk" "$folder"
code=0
"$@" || code=$?
rm -f "$folder/ballast"
find "$disk.under" -mindepth 1 -delete
cp -a "$disk/." "$disk.under"
umount "$folder" "$disk.under" "$disk"
rmdir "$disk" "$disk.under"
exit $code
