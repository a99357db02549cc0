// Package start tests how tlstrace begins and ends: how long it takes until it traces, and that nothing of it stays in the kernel. The tests
// run the program itself and need root.
package start
