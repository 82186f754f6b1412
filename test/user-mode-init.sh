#!/bin/sh
# The first process of a user-mode kernel (test/user-mode-kernel.ts), whose root directory is the machine's own. The kernel puts
# DIRECTORY, REPORT and PATTERN of its command line into the environment.
export PATH="$DIRECTORY/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME=/root NO_COLOR=1 CI=1
# whatever fails from here on is a failure, and no reason to skip a test
touch "$DIRECTORY/$REPORT.started"
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mkdir -p /dev/shm
mount -t tmpfs tmpfs /dev/shm
# the repository may be in a directory that is hidden then
mkdir /dev/shm/repository
mount --bind "$DIRECTORY" /dev/shm/repository
for directory in /tmp /run; do mount -t tmpfs tmpfs $directory; done
mkdir -p "$DIRECTORY"
mount --bind /dev/shm/repository "$DIRECTORY"
# the machine may have no /lib/modules to mount its modules on
mkdir -p /run/root/lib/modules
mount --bind /usr/lib/uml/modules /run/root/lib/modules
printf '#!/bin/sh\nexec modprobe -d /run/root "$@"\n' > /run/modprobe
chmod +x /run/modprobe
echo /run/modprobe > /proc/sys/kernel/modprobe
cd "$DIRECTORY" || busybox poweroff -f
ip link set lo up
# everything takes ten times as long here
vitest run --config test/vitest.config.ts --reporter default --reporter json --outputFile "$REPORT" -t "$PATTERN" \
  --testTimeout 240000 --hookTimeout 240000 test/kernel/vlans.test.ts test/executable/bridge-vlan.test.ts \
  test/executable/macvlan/made-parents.test.ts
busybox poweroff -f
