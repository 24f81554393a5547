package engine

import "strings"

// MaxNameBytes is the longest name of a topic, group, transactional id or store.
const MaxNameBytes = 249

// ValidateName checks a name that becomes part of a file name: 1 to [MaxNameBytes] bytes out of a-z, A-Z, 0-9, dot,
// underscore and hyphen; not "." or ".."; no dot at the end; no device name of Windows, in any case and with any
// extension. So a data directory can be copied between operating systems. Kind is what the name is for, as it should
// stand in the message ("topic", "group", "transactional id"). The error is an [*Error] with [ErrInvalidArgument] that
// says which rule was broken and what to do.
func ValidateName(kind, name string) error {
	if name == "" {
		return Errorf(ErrInvalidArgument, "%s name is empty: give it 1 to %d bytes", kind, MaxNameBytes)
	}
	if len(name) > MaxNameBytes {
		return Errorf(ErrInvalidArgument, "%s name has %d bytes: shorten it to at most %d", kind, len(name), MaxNameBytes)
	}
	if i := strings.IndexFunc(name, func(r rune) bool { return !nameRune(r) }); i >= 0 {
		return Errorf(ErrInvalidArgument, "%s name %q has a character at byte %d that is not allowed: "+
			"use letters a-z and A-Z, digits, '.', '_' and '-' only", kind, name, i)
	}
	if name == "." || name == ".." {
		return Errorf(ErrInvalidArgument, "%s name %q means a directory: choose another name", kind, name)
	}
	if strings.HasSuffix(name, ".") {
		return Errorf(ErrInvalidArgument, "%s name %q ends with a dot, which Windows drops: remove the dot", kind, name)
	}
	if device := windowsDevice(name); device != "" {
		return Errorf(ErrInvalidArgument, "%s name %q means the device %s on Windows: choose another "+
			"first part", kind, name, device)
	}
	return nil
}

func nameRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '_' || r == '-'
}

// windowsDevice is the device that Windows opens for a file of this name in any directory, or empty. What counts is
// the part before the first dot.
func windowsDevice(name string) string {
	stem, _, _ := strings.Cut(name, ".")
	if len(stem) > len("COM0") {
		return ""
	}
	stem = strings.ToUpper(stem)
	switch stem {
	case "CON", "PRN", "AUX", "NUL":
		return stem
	}
	if len(stem) == 4 && (stem[:3] == "COM" || stem[:3] == "LPT") && '0' <= stem[3] && stem[3] <= '9' {
		return stem
	}
	return ""
}
