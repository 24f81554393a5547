package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
)

// Machine says where the figures were taken.
type Machine struct {
	CPU        string `json:"cpu,omitempty"`
	CPUs       int    `json:"cpus"`
	System     string `json:"system"`
	Go         string `json:"go"`
	FileSystem string `json:"file_system,omitempty"` // of the directory that was written to
}

func describeMachine(dir string) Machine {
	return Machine{
		CPU:        cpuModel(),
		CPUs:       runtime.NumCPU(),
		System:     runtime.GOOS + "/" + runtime.GOARCH,
		Go:         runtime.Version(),
		FileSystem: fileSystem(dir),
	}
}

// String is the machine in one line.
func (m Machine) String() string {
	text := fmt.Sprintf("%d CPUs, %s, %s", m.CPUs, m.System, m.Go)
	if m.CPU != "" {
		text = m.CPU + ", " + text
	}
	if m.FileSystem != "" {
		text += ", " + m.FileSystem
	}
	return text
}

// cpuModel is the name that Linux gives to the processor, or nothing.
func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(info) {
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && string(bytes.TrimSpace(name)) == "model name" {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}
