package main

// ours lists this library's own ways to keep a log.
func ours() []Contender { return nil }
