//go:build unix

package history

import (
	"os"
	"syscall"
)

// lockFile takes the file for this process until it is closed or the process ends (flock(2)). False: another has it.
func lockFile(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
