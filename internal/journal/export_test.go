package journal

// Pending is the number of units that wait for their turn.
func Pending(j *Journal) int {
	j.queue.Lock()
	defer j.queue.Unlock()
	return len(j.pending)
}
