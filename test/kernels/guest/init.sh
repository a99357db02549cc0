#!/usr/bin/busybox sh
# First process of the virtual machine: mounts, runs /job, hands its output and results back, and ends the machine.
#   ttyS0  console of the kernel
#   ttyS1  output of the job, as it comes
#   ttyS2  tar of /result: what the job left there, and its exit code in the file .exit

export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
/usr/bin/busybox --install -s /usr/bin

# An archive of files only has no directories to mount on.
mkdir -p /dev /proc /sys /tmp /root /etc /result
mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing
mount -t securityfs securityfs /sys/kernel/security
mount -t tmpfs tmpfs /tmp

# Bytes have to arrive as they were written.
stty -F /dev/ttyS1 raw -echo
stty -F /dev/ttyS2 raw -echo

hostname guest
echo '127.0.0.1 localhost guest' >/etc/hosts
echo '::1 localhost' >>/etc/hosts
ip link set lo up

cd /root
# JOB_SECONDS comes from the kernel's command line. A job that hangs is ended in time to tell how far it got.
timeout "$JOB_SECONDS" sh /job </dev/null >/dev/ttyS1 2>&1
echo $? >/result/.exit
tar -C /result -cf /dev/ttyS2 .

# The machine is started so that a reboot ends it.
reboot -f
