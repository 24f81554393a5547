package main

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps Ctrl-C at the console away from a command, so that it can finish its message.
func ownGroup(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
