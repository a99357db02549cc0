package main

import (
	"os"
	"syscall"
	"time"
)

// fileStamp tells whether a file may have changed. A file of a ConfigMap or Secret that is updated is another file.
type fileStamp struct {
	device, inode uint64
	size          int64
	modified      time.Time
}

// stampOf looks at a file, through links.
func stampOf(path string) (fileStamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fileStamp{}, err
	}
	stamp := fileStamp{size: info.Size(), modified: info.ModTime()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		stamp.device, stamp.inode = sys.Dev, sys.Ino
	}
	return stamp, nil
}
