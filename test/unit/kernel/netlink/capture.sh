#!/bin/sh
# Prints what a program and the kernel say to each other over netlink, one datagram of hexadecimal digits per line, as the
# tests here have it. As root, in namespaces of its own: capture.sh send|recv SETUP COMMAND
set -e
trace=$(mktemp)
if [ "$1" = send ]; then what="trace=sendmsg,sendto -e write=all"; else what="trace=recvmsg,recvfrom -e read=all"; fi
unshare --net --mount --propagation private sh -ec "
  mount -t tmpfs run /run; mkdir /run/netns
  $2
  exec strace -o $trace -e $what $3" >&2 || true
perl -ne '
  if (/^ \| [0-9a-f]+  ((?:[0-9a-f]{2} +)+)/) { ($bytes = $1) =~ s/ //g; $hex .= $bytes }
  elsif ($hex) { print "$hex\n"; $hex = "" }' "$trace"
rm "$trace"
