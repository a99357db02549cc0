#!/usr/bin/busybox sh
# First process of the virtual machine: mounts, runs /job, hands its output and results back, and ends the machine.
#   /dev/$JOB_OUTPUT  output of the job, as it comes
#   /dev/$JOB_RESULT  tar of /result: what the job left there, and its exit code in the file .exit
# Both names, and JOB_SECONDS, come from the kernel's command line.

export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root RESULT=/result TMPDIR=/tmp
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
stty -F "/dev/$JOB_OUTPUT" raw -echo
stty -F "/dev/$JOB_RESULT" raw -echo

hostname guest
echo '127.0.0.1 localhost guest' >/etc/hosts
echo '::1 localhost' >>/etc/hosts
ip link set lo up

cd /root
# A job that hangs is ended in time to tell how far it got.
timeout "$JOB_SECONDS" sh /job </dev/null >"/dev/$JOB_OUTPUT" 2>&1
echo $? >/result/.exit
tar -C /result -cf "/dev/$JOB_RESULT" .

# The machine is started so that a reboot ends it.
reboot -f
